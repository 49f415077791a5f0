/** A training's own loss over examples that it does not learn from: forward passes, without dropout and gradients. */
import { MedTextError, words } from '../base/errors';
import type { RunOptions } from '../inference/classifierRunner';
import { parameterFeeds } from '../inference/fedNetwork';
import { DeviceMemory, disposeAll } from '../inference/deviceMemory';
import { bucketLength } from '../inference/lengthBuckets';
import { keepsTensors, Session, type DeviceTensor, type Feed, type SessionOptions } from '../inference/session';
import type { Network } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { Objective, TrainingExample } from '../tasks/objective';
import { addParts, batchFeeds, lossesOf } from './stepInputs';
import { buildTrainingGraph } from './trainingGraph';
import type { StepResult } from './trainingSteps';

export interface LossRunnerOptions {
  readonly network: Network;
  readonly parameters: Parameters;
  readonly objective: Objective;
  readonly padTokenId: number;
  readonly session: SessionOptions;
}

/** Examples that are made when they are asked for. */
export interface ExampleSource {
  readonly lengths: readonly number[];
  at(place: number): TrainingExample;
}

/** Rows of a batch: the graph of a vocabulary's logits takes more memory than any other of this program. */
const ROWS = 16;

/** Reads the parameters where they are, as ClassifierRunner does. */
export class LossRunner {
  private readonly sessions = new Map<number, Session>();
  private readonly memory: DeviceMemory | undefined;
  private readonly feeds: Readonly<Record<string, Feed>>;

  constructor(private readonly options: LossRunnerOptions) {
    this.feeds = parameterFeeds(options.parameters);
    const { session } = options;
    this.memory = keepsTensors(session.device ?? 'cpu') ? new DeviceMemory(session) : undefined;
  }

  /**
   * The loss and its parts, summed over all places and not their mean.
   * @throws MedTextError CANCELLED; DIVERGED where the loss is no number; RUNTIME, OUT_OF_MEMORY.
   */
  async sums(
    source: ExampleSource,
    { onProgress, signal }: RunOptions = {},
  ): Promise<Pick<StepResult, 'loss' | 'parts'>> {
    const { objective, network, padTokenId } = this.options;
    const order = source.lengths.map((_, place) => place).sort((a, b) => source.lengths[b] - source.lengths[a]);
    const onDevice = await this.parametersOnDevice();
    let total: Pick<StepResult, 'loss' | 'parts'> | undefined;
    try {
      for (let done = 0; done < order.length; done += ROWS) {
        if (signal?.aborted) throw new MedTextError('CANCELLED', 'The evaluation was cancelled.', { done });
        const places = order.slice(done, done + ROWS);
        const length = bucketLength(source.lengths[places[0]], network.config.maxPositions);
        const examples = places.map((place) => source.at(place));
        // Weights of 1: sums.
        const share = { total: 1, batchExamples: 1, stepExamples: 1, length, sumOf: () => 1 };
        const inputs = batchFeeds({ examples, length }, ROWS, share, { objective, padTokenId });
        const session = await this.sessionFor(length);
        const losses = lossesOf(await session.run({ ...(onDevice ?? this.feeds), ...inputs }), objective);
        if (!Number.isFinite(losses.loss))
          throw new MedTextError('DIVERGED', words`The validation loss is ${losses.loss}.`);
        total = total ? { loss: total.loss + losses.loss, parts: addParts(total.parts, losses.parts) } : losses;
        onProgress?.(Math.min(done + ROWS, order.length), order.length);
      }
    } finally {
      disposeAll(Object.values(onDevice ?? {}));
    }
    return total ?? { loss: NaN };
  }

  async close(): Promise<void> {
    await this.memory?.close();
    for (const session of this.sessions.values()) await session.release();
    this.sessions.clear();
  }

  private async parametersOnDevice(): Promise<Record<string, DeviceTensor> | undefined> {
    if (!this.memory) return undefined;
    const copies: Record<string, DeviceTensor> = {};
    for (const [name, feed] of Object.entries(this.feeds)) copies[name] = await this.memory.upload(feed);
    return copies;
  }

  private async sessionFor(length: number): Promise<Session> {
    const known = this.sessions.get(length);
    if (known) return known;
    const { network, parameters, objective, session } = this.options;
    const nothing = new Set<string>();
    const { model } = buildTrainingGraph({ network, specs: parameters.specs, trained: nothing, objective, dropout: 0, logits: false }, ROWS, length); // prettier-ignore
    const made = await Session.create(model, session);
    this.sessions.set(length, made);
    return made;
  }
}
