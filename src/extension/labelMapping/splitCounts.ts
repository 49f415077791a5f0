import { dirname, resolve } from 'node:path';
import type { Disposable } from '../../base/disposables';
import { asMedTextError } from '../../base/errors';
import { countsFor } from '../../protocol/answers';
import { errorText } from '../../protocol/errorWords';
import type { ShownError } from '../../protocol/labelMappingEditor';
import { isRecipeAddress } from '../../protocol/recipeAddress';
import type { LabelCounts } from '../../protocol/scorer';
import type { BaseServices } from '../baseServices';
import type { LocatedData } from '../dataAddresses';
import type { MappingSplit } from './mappingText';

/** A split with the paths of its files resolved. */
export interface DataSplit extends MappingSplit {
  /** An address whose data are not on this machine stays one. */
  readonly path: string;
  /** The folder for files about it: its own, or the document's where the data lie among what hubs have given. */
  readonly home: string;
  /** The split in the scorer's form, without its fields on labels. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Fields that say how a file is read; they are its own, where the others are the training split's unless said. */
const fileFields = ['file', 'format', 'encoding', 'header', 'sheet', 'corrections'];

/** The splits of a text that lies in `documentPath`. */
export function dataSplits(
  splits: readonly MappingSplit[],
  documentPath: string,
  located: ReadonlyMap<string, LocatedData> = new Map(),
): DataSplit[] {
  const shared = Object.entries(splits.find(({ name }) => name === 'train')?.fields ?? {});
  const inherited = Object.fromEntries(shared.filter(([field]) => !fileFields.includes(field)));
  return splits.map((split) => {
    const file = String(split.fields.file);
    const isAddress = isRecipeAddress(file);
    const path = isAddress ? (located.get(file)?.path ?? file) : resolve(dirname(documentPath), file);
    const home = dirname(isAddress ? documentPath : path);
    const { corrections, labels_file: _labels, ...fields } = { ...inherited, ...split.fields };
    const resolved = typeof corrections === 'string' && { corrections: resolve(dirname(documentPath), corrections) };
    return { ...split, path, home, request: { ...fields, ...resolved, file: path } };
  });
}

interface Known {
  readonly counts?: LabelCounts;
  readonly error?: ShownError;
  /** The file can be read and has no label column, as published test sets are. */
  readonly isUnlabelled?: boolean;
}

/** Raw values of data files, counted by the scorer process; one question a file and column. */
export class SplitCounts implements Disposable {
  private readonly known = new Map<string, Known>();
  private abort = new AbortController();

  constructor(
    private readonly services: Pick<BaseServices, 'scorer' | 't'>,
    private readonly onChange: () => void,
    /** A file that is opened does not speak for the files it names: in Restricted Mode these are not read. */
    private readonly mayRead: () => boolean,
    private readonly located: (address: string) => LocatedData | undefined,
  ) {}

  /** What is known; what is not is asked for, and `onChange` tells of the answer. */
  of(split: DataSplit): Known {
    const known = this.asItStands(split);
    return known.counts ? { ...known, counts: countsFor(split.answer, known.counts) } : known;
  }

  private asItStands({ request }: DataSplit): Known {
    if (!this.mayRead())
      return { error: { message: this.services.t('This folder is not trusted: its data files are not read.') } };
    const { file, label, label_separator, format, encoding, header, sheet } = request;
    if (typeof file === 'string' && isRecipeAddress(file)) return this.absent(file);
    const split = Object.fromEntries(
      Object.entries({ file, label, label_separator, format, encoding, header, sheet }).filter(
        ([, value]) => value !== undefined,
      ),
    );
    const key = JSON.stringify(split);
    const known = this.known.get(key);
    if (known) return known;
    this.known.set(key, {});
    const { signal } = this.abort;
    this.services.scorer.request('labelCounts', { split }, signal).then(
      (counts) => this.learn(key, { counts }, signal),
      (error: unknown) => this.learn(key, this.failure(error), signal),
    );
    return {};
  }

  private absent(address: string): Known {
    const { t } = this.services;
    const error = this.located(address)?.error;
    if (error) return { error: { code: error.code, message: errorText(error, t) } };
    return { error: { message: t('{0} is not on this machine. Preview Dataset offers to download it.', address) } };
  }

  /** The files may have changed. */
  forget(): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.known.clear();
  }

  dispose(): void {
    this.abort.abort();
  }

  private failure(error: unknown): Known {
    const known = asMedTextError(error);
    const isUnlabelled = known.code === 'NOT_FOUND' && Array.isArray(known.detail.columns);
    return { error: { code: known.code, message: errorText(known, this.services.t) }, isUnlabelled };
  }

  private learn(key: string, known: Known, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.known.set(key, known);
    this.onChange();
  }
}
