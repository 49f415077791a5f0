import type { Disposable } from '../base/disposables';
import { Emitter } from '../base/events';
import type { Params, Payload, RequestName, Result } from '../protocol/contract';
import {
  scorerContract,
  type LoadedModel,
  type MarkedEntity,
  type ScorerContract,
  type TextPair,
} from '../protocol/scorer';
import type { PairScore } from '../protocol/scores';
import { OnDemandWorker } from './onDemandWorker';
import { unlessForOtherFile } from './otherFiles';
import type { WorkerLaunch } from './workerProcess';

export interface ScorerModel {
  readonly folder: string;
  readonly device: string;
  readonly threads?: number;
  /** Other than float32 it counts for a model that it was found not to harm. */
  readonly precision?: 'float32' | 'int8' | 'float16';
}

/**
 * The host's side of the scorer process. The first request starts the process, and after a crash the next request starts it
 * again, unless it crashes repeatedly. A new process loads the same model.
 */
export class ScorerClient implements Disposable {
  private readonly progress = new Emitter<Payload<ScorerContract, 'progress'>>();
  private readonly opened = new Emitter<LoadedModel>();
  private readonly process: OnDemandWorker<ScorerContract>;
  /** Requests under way that a person waits for, unlike scores, which are asked for again. */
  private readonly work = new Set<Promise<unknown>>();

  readonly onProgress = this.progress.event;
  /** Fires when a model was opened. */
  readonly onOpened = this.opened.event;
  /** Fires when the process ended unexpectedly. */
  readonly onCrash: OnDemandWorker<ScorerContract>['onCrash'];
  /** Fires when the process gives no sign of life, and with undefined when it does again. */
  readonly onSilence: OnDemandWorker<ScorerContract>['onSilence'];

  /** @param launch called at each start, so that a changed setting applies from the next start on */
  constructor(launch: () => WorkerLaunch) {
    this.process = new OnDemandWorker(scorerContract, launch, ({ channel }) => {
      channel.on('progress', (progress) => this.progress.fire(progress));
      channel.on('modelChanged', (model) => model && this.opened.fire(model));
    });
    this.onCrash = this.process.onCrash;
    this.onSilence = this.process.onSilence;
  }

  /** The id of the running process; undefined before the first request and after a crash. */
  pid(): Promise<number | undefined> {
    return this.process.pid();
  }

  /** Scores pairs with the model. It loads the model first if another one or none is loaded. */
  scorePairs(model: ScorerModel, pairs: readonly TextPair[], signal?: AbortSignal): Promise<readonly PairScore[]> {
    return this.withLoaded(model, ({ channel }) => channel.request('scorePairs', { pairs }, signal), signal);
  }

  /** Returns the entities of texts by a model for entities, which it loads first as {@link scorePairs} does. */
  markEntities(
    model: ScorerModel,
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly MarkedEntity[])[]> {
    return this.withLoaded(model, ({ channel }) => channel.request('markEntities', { texts }, signal), signal);
  }

  private withLoaded<T>(
    model: ScorerModel,
    ask: (worker: Awaited<ReturnType<OnDemandWorker<ScorerContract>['running']>>) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return unlessForOtherFile(model.folder, async () => {
      const worker = await this.process.running();
      // Loading the loaded model again takes no time. Both messages are sent together, so no other request comes between them.
      const loaded = worker.channel.request('load', model, signal);
      loaded.catch(() => undefined);
      const answer = ask(worker);
      answer.catch(() => undefined);
      await loaded;
      return answer;
    });
  }

  async load(model: ScorerModel, signal?: AbortSignal): Promise<LoadedModel> {
    return unlessForOtherFile(model.folder, async () =>
      (await this.process.running()).channel.request('load', model, signal),
    );
  }

  async request<K extends Exclude<RequestName<ScorerContract>, 'initialize' | 'load' | 'scorePairs' | 'markEntities'>>(
    name: K,
    params: Params<ScorerContract, K>,
    signal?: AbortSignal,
  ): Promise<Result<ScorerContract, K>> {
    const work = unlessForOtherFile(params, async () =>
      (await this.process.running()).channel.request(name, params, signal),
    );
    this.work.add(work);
    try {
      return await work;
    } finally {
      this.work.delete(work);
    }
  }

  /** Later requests are for a new process. The present one ends, after the files that it is working on. */
  async renew(): Promise<void> {
    if (this.work.size === 0) return this.restart();
    this.process.renewAfter(Promise.allSettled(this.work));
  }

  /** Ends the process and forgets its crashes. The next request starts a new process. */
  restart(): Promise<void> {
    return this.process.restart();
  }

  dispose(): void {
    this.process.dispose();
    this.progress.dispose();
    this.opened.dispose();
  }
}
