import { keepsTensors } from '../inference/session';
import { LoopTrainer } from './loopTrainer';
import { ResidentTrainer } from './residentTrainer';
import { Trainer } from './trainer';
import type { TrainerOptions, TrainingSteps } from './trainingSteps';

/** The training step in the form that suits the device. */
export async function createTrainer(options: TrainerOptions): Promise<TrainingSteps> {
  const device = options.session.device ?? 'cpu';
  if (device === 'cpu') return Trainer.create(options);
  return keepsTensors(device) ? new ResidentTrainer(options) : new LoopTrainer(options);
}
