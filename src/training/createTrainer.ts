import { keepsTensors } from '../inference/session';
import { ResidentTrainer } from './residentTrainer';
import { Trainer } from './trainer';
import type { TrainerOptions, TrainingSteps } from './trainingSteps';

/** The training step in the form that suits the device. */
export async function createTrainer(options: TrainerOptions): Promise<TrainingSteps> {
  const device = options.session.device ?? 'cpu';
  return keepsTensors(device) ? new ResidentTrainer(options) : Trainer.create(options);
}
