import type { Disposable } from '../base/disposables';
import { Emitter } from '../base/events';
import type { Params, Payload, RequestName, Result } from '../protocol/contract';
import {
  scorerContract,
  type LoadedModel,
  type MarkedEntity,
  type PairScore,
  type ScorerContract,
  type TextPair,
} from '../protocol/scorer';
import { OnDemandWorker } from './onDemandWorker';
import { unlessForOtherFile } from './otherFiles';
import type { WorkerLaunch } from './workerProcess';

export interface ScorerModel {
  readonly folder: string;
  readonly device: string;
  readonly threads?: number;
  readonly precision?: 'float32' | 'int8';
}

/**
 * The scorer process from the host's side: started by the first request, started again by the next request after a
 * crash, given up when it keeps crashing. The loaded model follows it through restarts.
 */
export class ScorerClient implements Disposable {
  private readonly progress = new Emitter<Payload<ScorerContract, 'progress'>>();
  private readonly process: OnDemandWorker<ScorerContract>;

  readonly onProgress = this.progress.event;
  /** The process ended without being asked to. */
  readonly onCrash: OnDemandWorker<ScorerContract>['onCrash'];
  /** The process gives no sign of life, or with undefined does so again. */
  readonly onSilence: OnDemandWorker<ScorerContract>['onSilence'];

  /** @param launch computed at each start, so that a changed setting counts from the next start on */
  constructor(launch: () => WorkerLaunch) {
    this.process = new OnDemandWorker(scorerContract, launch, ({ channel }) => {
      channel.on('progress', (progress) => this.progress.fire(progress));
    });
    this.onCrash = this.process.onCrash;
    this.onSilence = this.process.onSilence;
  }

  /** The process's id while it runs; undefined before the first request and after a crash. */
  pid(): Promise<number | undefined> {
    return this.process.pid();
  }

  /** Scores with the model, loading it first if another one or none is loaded. */
  scorePairs(model: ScorerModel, pairs: readonly TextPair[], signal?: AbortSignal): Promise<readonly PairScore[]> {
    return this.withLoaded(model, ({ channel }) => channel.request('scorePairs', { pairs }, signal), signal);
  }

  /** The entities of texts, by a model that marks some; loading it first as {@link scorePairs} does. */
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
      // The child answers a repeated load at once; both messages go out together, so nothing comes in between.
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
    return unlessForOtherFile(params, async () => (await this.process.running()).channel.request(name, params, signal));
  }

  /** Ends the process; the next request starts a new one, crashes forgotten. */
  restart(): Promise<void> {
    return this.process.restart();
  }

  dispose(): void {
    this.process.dispose();
    this.progress.dispose();
  }
}
