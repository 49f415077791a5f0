import type { MemoryPlan } from '../protocol/trainer';
import type { PlannedStep, StepResult } from '../steps/trainingSteps';
import { isOutOfMemory, tooLittleMemory } from './forecast/memoryPlan';
import type { RunParts } from './runParts';
import { learningRateAt, scheduleOf, warnOfIdleSteps, type LearningRateSchedule } from './schedule';

/** A step that was taken. */
export interface TakenStep {
  readonly planned: PlannedStep;
  readonly result: StepResult;
}

/** Takes a run's steps: several at once where the device does, in smaller parts where the memory runs out. */
export class StepTaker {
  private readonly schedule: LearningRateSchedule;
  private memoryPlan: MemoryPlan;

  /** @param onHalved the examples computed at a time from now on, for the run's record */
  constructor(
    private readonly parts: RunParts,
    private readonly onHalved: (microBatchSize: number) => Promise<void>,
  ) {
    const { recipe, plan, options, memoryPlan } = parts;
    this.memoryPlan = memoryPlan;
    this.schedule = scheduleOf(recipe.train, plan.totalSteps);
    warnOfIdleSteps(this.schedule, { ...recipe.train, totalSteps: plan.totalSteps }, options.log);
  }

  /** The steps after `done`, as many as the device takes at once, but none beyond an evaluation or a checkpoint. */
  async next(done: number): Promise<TakenStep[]> {
    const { plan, trainer } = this.parts;
    const planned: PlannedStep[] = [];
    for (let step = done + 1; planned.length < (trainer.stepsAtOnce ?? 1); step++) {
      planned.push({ step, batches: plan.batchesOf(step), learningRate: learningRateAt(step - 1, this.schedule) });
      if (plan.savesAfter(step)) break;
    }
    const results = await this.computed(planned);
    return planned.map((each, i) => ({ planned: each, result: results[i] }));
  }

  /** Steps that run out of memory are begun again with half as many examples at a time. */
  private async computed(planned: readonly PlannedStep[]): Promise<StepResult[]> {
    const { trainer, options } = this.parts;
    const [{ step, batches, learningRate }] = planned;
    for (;;) {
      try {
        return trainer.steps ? await trainer.steps(planned) : [await trainer.step(batches, step, learningRate)];
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const rows = await trainer.halve();
        if (rows === undefined) throw tooLittleMemory(step, batches[0].length, error);
        options.log(`Step ${step} ran out of memory: batches are computed in parts of ${rows} from here on. The result is the same.`); // prettier-ignore
        this.memoryPlan = { ...this.memoryPlan, microBatchSize: rows };
        options.onMemoryPlan?.(this.memoryPlan);
        await this.onHalved(rows);
      }
    }
  }
}
