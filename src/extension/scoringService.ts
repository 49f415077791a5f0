import type { Disposable } from '../base/disposables';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { Emitter } from '../base/events';
import { LruCache } from '../base/lruCache';
import type { Translate } from '../base/translate';
import type { DataInfo, MarkedEntity, TextPair } from '../protocol/scorer';
import type { PairScore } from '../protocol/scores';
import { findTask } from '../protocol/tasks';
import type { ScorerModel } from '../worker/scorerClient';

/** The part of `ScorerClient` that scoring needs. */
export interface PairScoring {
  scorePairs(model: ScorerModel, pairs: readonly TextPair[], signal?: AbortSignal): Promise<readonly PairScore[]>;
  markEntities(
    model: ScorerModel,
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly MarkedEntity[])[]>;
  request(name: 'dataInfo', params: { file: string; sheet?: string }, signal?: AbortSignal): Promise<DataInfo>;
}

const maxScores = 5000;
const maxFiles = 50;

/** Scores, and the model that gave them: whoever shows them looks whether it is still the one that is shown. */
export interface Scored {
  /** The {@link ScoringService.modelId} at the time of the request. */
  readonly modelId: string;
  readonly scores: readonly PairScore[];
}

/** Scores with the active model, answering what it has answered before from memory. Knows no editor. */
export class ScoringService implements Disposable {
  private readonly scores = new LruCache<PairScore>(maxScores);
  private readonly marks = new LruCache<readonly MarkedEntity[]>(maxScores);
  private readonly files = new LruCache<Promise<DataInfo>>(maxFiles);
  private referenceText: string | undefined;
  /** Counts changes of the list of models, since a folder may hold another model under its old name. */
  private generation = 0;
  private readonly referenceChange = new Emitter<void>();

  readonly onDidChangeReference = this.referenceChange.event;

  constructor(
    private readonly scorer: PairScoring,
    private readonly activeModel: () => ScorerModel | undefined,
  ) {}

  /** The pinned text that hovers compare with. */
  get reference(): string | undefined {
    return this.referenceText;
  }

  set reference(text: string | undefined) {
    if (text === this.referenceText) return;
    this.referenceText = text;
    this.referenceChange.fire();
  }

  /** The active model as its answers carry it: its folder, its device, its precision, and what lies there by now; undefined without one. */
  get modelId(): string | undefined {
    return this.idOf(this.activeModel());
  }

  private idOf(model: ScorerModel | undefined): string | undefined {
    return model && JSON.stringify([model.folder, model.device, model.precision, this.generation]);
  }

  /** In the order of the pairs. @throws NOT_FOUND without an active model · CANCELLED · what the scorer throws */
  async score(pairs: readonly TextPair[], signal?: AbortSignal): Promise<Scored> {
    const model = this.activeModel();
    const modelId = this.idOf(model);
    if (!model || modelId === undefined)
      throw new MedTextError('NOT_FOUND', words`No model is active. Choose one first.`);
    const keyOf = ({ first, second }: TextPair): string => JSON.stringify([modelId, first, second]);
    const missing = pairs.filter((pair) => !this.scores.get(keyOf(pair)));
    const fresh = new Map<string, PairScore>();
    if (missing.length > 0) {
      const answers = await this.scorer.scorePairs(model, missing, signal);
      missing.forEach((pair, index) => fresh.set(keyOf(pair), answers[index]));
    }
    for (const [key, score] of fresh) this.scores.set(key, score);
    return { modelId, scores: pairs.map((pair) => fresh.get(keyOf(pair)) ?? this.scores.get(keyOf(pair))!) };
  }

  /** The entities of each text. @throws NOT_FOUND without an active model · UNSUPPORTED for one that marks none · CANCELLED */
  async mark(
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ readonly modelId: string; readonly entities: readonly (readonly MarkedEntity[])[] }> {
    const model = this.activeModel();
    const modelId = this.idOf(model);
    if (!model || modelId === undefined)
      throw new MedTextError('NOT_FOUND', words`No model is active. Choose one first.`);
    const keyOf = (text: string): string => JSON.stringify([modelId, text]);
    const missing = [...new Set(texts)].filter((text) => !this.marks.get(keyOf(text)));
    const fresh = new Map<string, readonly MarkedEntity[]>();
    if (missing.length > 0) {
      const answers = await this.scorer.markEntities(model, missing, signal);
      missing.forEach((text, index) => fresh.set(text, answers[index]));
    }
    for (const [text, entities] of fresh) this.marks.set(keyOf(text), entities);
    return { modelId, entities: texts.map((text) => fresh.get(text) ?? this.marks.get(keyOf(text))!) };
  }

  /** What the data file is; asked once per `version`, also when the answer was an error about it. */
  dataInfo(of: { readonly file: string; readonly sheet?: string }, version: string): Promise<DataInfo> {
    const key = JSON.stringify([of.file, of.sheet, version]);
    const known = this.files.get(key);
    if (known) return known;
    const asked = this.scorer.request('dataInfo', { ...of });
    // Two hovers share one question, and neither may cancel the other's.
    asked.catch((error: unknown) => {
      // A process that ended says nothing of the file.
      if (asMedTextError(error).code === 'CLOSED') this.files.delete(key);
    });
    this.files.set(key, asked);
    return asked;
  }

  /** The model in some folder changed under the same name, or a crash made answers doubtful. */
  forget(): void {
    this.generation++;
    this.scores.clear();
    this.marks.clear();
    this.files.clear();
  }

  dispose(): void {
    this.referenceChange.dispose();
    this.forget();
  }
}

/** Whether scoring failed because the active model compares no texts: a matter of choosing another, not a fault. */
export function readsSingleTexts(error: unknown): boolean {
  const { code, detail } = asMedTextError(error);
  return code === 'UNSUPPORTED' && (detail.second === 'none' || findTask(detail.task)?.second === 'none');
}

/** What hovers and the panel say then. */
export function singleTextHint(modelName: string, t: Translate): string {
  return t('{0} reads one text at a time, so it gives no similarity of two texts. Choose a model that was fine-tuned on pairs.', modelName); // prettier-ignore
}
