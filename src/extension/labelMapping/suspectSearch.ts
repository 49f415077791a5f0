import { existsSync } from 'node:fs';
import { basename, join, parse } from 'node:path';
import { readTextFile } from '../../base/textFile';
import { writeFileAtomically } from '../../base/atomicFile';
import { disposable, DisposableStore, Slot, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { errorText } from '../../protocol/errorWords';
import {
  checkedCorrections,
  correctionText,
  type LabelCorrection,
  type LabelCorrectionFile,
} from '../../protocol/labelCorrections';
import type { Suspects } from '../../protocol/labelMappingEditor';
import type { BaseServices } from '../baseServices';
import { setting } from '../settings';
import type { MappingContent } from './mappingText';
import type { DataSplit } from './splitCounts';

/** Labels that the active model contradicts, and the corrections a person made of them. The data is never written. */
export class SuspectSearch implements Disposable {
  private readonly store = new DisposableStore();
  private readonly search = this.store.add(new Slot<Disposable>());
  private state: Suspects | null = null;
  private split: DataSplit | undefined;
  /** Corrections come one after the other: each adds to the file that the one before has left. */
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly services: BaseServices,
    private readonly onChange: () => void,
  ) {
    this.store.add(
      services.scorer.onProgress(({ request, done, total }) => {
        if (request === 'suspectLabels' && this.state?.state === 'searching') this.update({ done, total });
      }),
    );
  }

  get shown(): Suspects | null {
    return this.state;
  }

  /** @throws NOT_FOUND when nothing was searched yet */
  correctionPath(): string {
    if (!this.split) throw new MedTextError('NOT_FOUND', words`No labels were checked yet.`);
    const { corrections, sheet } = this.split.request;
    if (typeof corrections === 'string') return corrections;
    // Rows of two sheets have the same numbers.
    const ofSheet = typeof sheet === 'string' ? `.${sheet.replace(/[\\/:*?"<>|]/g, '_')}` : '';
    return join(this.split.home, `${parse(this.split.path).name}${ofSheet}.corrections.json`);
  }

  /** Ranks the labels of a split, which are those the text gives them. */
  async find(split: DataSplit, content: MappingContent): Promise<void> {
    const { models, scorer } = this.services;
    const model = models.active();
    if (!model?.hasHead) throw new MedTextError('NOT_FOUND', words`Choose a fine-tuned model first.`);
    const abort = new AbortController();
    this.search.value = disposable(() => abort.abort());
    this.split = split;
    this.state = {
      ...{ split: split.name, state: 'searching', done: 0, total: null, error: null, modelName: model.name },
      ...{ seenInTraining: false, outOfFold: 0, rows: 0, found: 0, list: [], accepted: [], isUsed: null },
      correctionFile: basename(this.correctionPath()),
    };
    this.onChange();
    const own = split.own ?? content;
    const labels = own.labels ?? content.labels;
    const mapping = own.mapping.size > 0 ? own.mapping : content.mapping;
    // The file's own labels: rows that were corrected are ranked again, and shown as accepted.
    const { corrections: _corrections, ...fields } = split.request;
    const asked = { ...fields, ...(labels && { labels: [...labels] }), ...(mapping.size > 0 && { label_mapping: Object.fromEntries(mapping) }) }; // prettier-ignore
    const threads = setting('medtext.runtime.threads');
    try {
      const found = await scorer.request(
        'suspectLabels',
        { folder: model.folder, split: asked, device: setting('medtext.device'), ...(threads > 0 && { threads }) },
        abort.signal,
      );
      if (abort.signal.aborted) return;
      const accepted = await this.acceptedRows();
      const { rows, total, suspects, seenInTraining, outOfFold } = found;
      this.update({ state: 'ready', rows, found: total, list: suspects, seenInTraining, outOfFold, accepted });
    } catch (caught) {
      if (abort.signal.aborted) return;
      const error = asMedTextError(caught);
      this.update({ state: 'failed', error: { code: error.code, message: errorText(error, this.services.t) } });
    }
  }

  cancel(): void {
    this.search.value = undefined;
    this.state = null;
    this.onChange();
  }

  /** Writes suggestions into the correction file, or (label null) takes them out. */
  correct(rows: readonly { readonly row: number; readonly label: string | null }[]): Promise<void> {
    const written = this.writing.then(() => this.write(rows));
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async write(rows: readonly { readonly row: number; readonly label: string | null }[]): Promise<void> {
    const { state, split } = this;
    if (!state || !split) throw new MedTextError('NOT_FOUND', words`No labels were checked yet.`);
    const byRow = new Map(state.list.map((suspect) => [suspect.row, suspect]));
    const changes = new Map<number, LabelCorrection | undefined>();
    for (const { row, label } of rows) {
      const suspect = byRow.get(row);
      if (!suspect) continue;
      const { line, first, second, given, probability } = suspect;
      const texts = { first, ...(second !== undefined && { second }) };
      changes.set(
        row,
        label === null ? undefined : { row, line, ...texts, given, label, probability, model: state.modelName },
      );
    }
    const text = correctionText(await this.corrections(), basename(split.path), changes);
    await writeFileAtomically(this.correctionPath(), text);
    this.update({ accepted: await this.acceptedRows() });
  }

  dispose(): void {
    this.store.dispose();
  }

  private async corrections(): Promise<LabelCorrectionFile | undefined> {
    const path = this.correctionPath();
    return existsSync(path) ? checkedCorrections(JSON.parse(await readTextFile(path)), basename(path)) : undefined;
  }

  private async acceptedRows(): Promise<Suspects['accepted']> {
    return ((await this.corrections())?.corrections ?? []).map(({ row, label }) => ({ row, label }));
  }

  private update(change: Partial<Suspects>): void {
    if (this.state) this.state = { ...this.state, ...change };
    this.onChange();
  }
}
