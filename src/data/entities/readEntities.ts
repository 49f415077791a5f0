import { MedTextError, words } from '../../base/errors';
import { joined, type Words } from '../../base/words';
import { type FieldRole } from '../../protocol/fieldGuess';
import { inferLabels } from '../../protocol/labelScheme';
import { columnList, findColumn, guessFields, resolveColumn } from '../columns';
import { BadRows, openDataFile, type BadRowPolicy, type DataFile, type DataFileOptions } from '../dataFile';
import { groupOf, noExamples, unusable } from '../examples';
import { excerptOf, isBadRow, type BadRow, type DataRow } from '../dataRow';
import { checkedLabels, LabelMap, RawLabelCounts, unmappedError, type LabelMapping, type RawLabel } from '../labelMapping'; // prettier-ignore
import { annotationColumn, annotationsOf, mentionOf, type Flaw, type Mention } from './annotations';
import { byPlace, distinctEntities, flatEntities, overlapsOf, type Entity } from './entity';
import { likenessOf, nearestPlace } from './mentionText';
import { characterLength, characterMap } from './offsets';
import { ConventionEvidence, type SpanConvention, type SpanEnd } from './spanConvention';

/** Which column has the text and which the annotations; by name, or by index from 0. Absent: recognised. */
export interface EntityFields {
  readonly text?: string | number;
  readonly entities?: string | number;
}

/** What a person should know of an annotation. */
export interface EntityFinding {
  /** The line of the file on which the row starts; of brat's, the line of the `.ann`. */
  readonly line: number;
  /** The row's place among the readable ones. */
  readonly row: number;
  readonly reason: Words;
  readonly excerpt: string;
}

/** One text with its entities, whose types are those of the file. */
export interface EntityRow {
  readonly line: number;
  /** 0-based place among the file's readable rows. */
  readonly row: number;
  readonly text: string;
  /** In the file's order, each as often as the file has it. */
  readonly entities: readonly Entity[];
  /** Annotations that cannot be used as they stand. */
  readonly findings: readonly EntityFinding[];
  /** Entities whose own text differs from what stands there by case or width; they are among `entities`. */
  readonly normalized: readonly EntityFinding[];
  readonly values: DataRow['values'];
}

/** A file of entities whose columns and offsets are understood. */
export interface EntityFile {
  readonly file: DataFile;
  readonly columns: { readonly text: string; readonly entities: string };
  readonly convention: SpanConvention;
  /** The rows in order, bad ones among them. Errors: `IO`, `CANCELLED`. */
  rows(signal?: AbortSignal): AsyncGenerator<EntityRow | BadRow>;
  /** One of its rows, read elsewhere. */
  rowOf(row: DataRow, place: number): EntityRow | BadRow;
}

/**
 * The columns of text and entities: as named, else recognised. Undefined for `entities` where the file has none.
 * Errors: `NOT_FOUND` for a column that the file does not have, or a text that is not recognised.
 */
export function entityColumns(
  file: DataFile,
  fields: EntityFields = {},
): { text: string; entities: string | undefined } {
  const { columns, sample } = file;
  // What the reader made: a sample of broken rows says nothing.
  const isMade = file.format === 'conll' || file.format === 'brat';
  if (isMade && fields.text === undefined && fields.entities === undefined)
    return { text: 'text', entities: 'entities' };
  const entities =
    fields.entities !== undefined
      ? resolveColumn(file, fields.entities, 'label')
      : annotationColumn(columns.filter((column) => column !== fields.text), sample); // prettier-ignore
  const others = columns.filter((column) => column !== entities);
  const values = sample.map((row) => row.values);
  const text = fields.text !== undefined ? resolveColumn(file, fields.text, 'first_sequence') : guessFields(others, values).firstSequence; // prettier-ignore
  if (text !== undefined) return { text, entities };
  throw new MedTextError(
    'NOT_FOUND',
    words`${file.path}: no column was recognised as ${'first_sequence'}. Name it; the columns are: ${columnList(file)}.`,
    { file: file.path, field: 'first_sequence', columns },
  );
}

/**
 * Understands a file of entities: its columns, and what its offsets mean. For the latter its rows are read until enough of their
 * entities have a text of their own, or to the end.
 *
 * @param spanEnd `span_end` of the recipe
 * Errors: those of `openDataFile`; `NOT_FOUND` for columns; `RECIPE` where the meaning of ends is neither said nor found.
 */
export async function openEntityFile(
  source: string | DataFile,
  options: {
    fields?: EntityFields;
    spanEnd?: SpanEnd;
    /** How many rows are read to find what ends mean; absent: as many as are needed. */
    mostRows?: number;
    open?: DataFileOptions;
    signal?: AbortSignal;
  } = {},
): Promise<EntityFile> {
  const file = typeof source === 'string' ? await openDataFile(source, options.open) : source;
  const { text, entities } = entityColumns(file, options.fields);
  if (entities === undefined) {
    const names = file.columns.map((name) => JSON.stringify(name)).join(', ');
    throw new MedTextError(
      'NOT_FOUND',
      words`${file.path}: no column holds entities. Such a column has lists of {"start", "end", "type"}, of {"mention", "offset", "type"} or of [start, end, type]. The program also reads lines of a token and its tag (CoNLL), and .ann files of brat beside .txt files. The columns are: ${names}.`,
      { file: file.path, field: 'label', columns: file.columns },
    );
  }
  const columns = { text, entities };
  const convention = await conventionOf(file, columns, options);
  return {
    file,
    columns,
    convention,
    async *rows(signal) {
      let place = 0;
      for await (const row of file.rows(signal))
        yield isBadRow(row) ? row : entityRow(row, place++, columns, convention);
    },
    rowOf: (row, place) => entityRow(row, place, columns, convention),
  };
}

async function conventionOf(
  file: DataFile,
  columns: EntityFile['columns'],
  { spanEnd: said, mostRows = Infinity, signal }: { spanEnd?: SpanEnd; mostRows?: number; signal?: AbortSignal },
): Promise<SpanConvention> {
  // Made here from tags, or by brat's definition.
  if (file.format === 'conll' || file.format === 'brat')
    return { end: 'exclusive', unit: 'characters', source: 'format' };
  const evidence = new ConventionEvidence();
  let rows = 0;
  for await (const row of file.rows(signal)) {
    if (isBadRow(row)) continue;
    const text = valueOf(row, columns.text);
    if (typeof text !== 'string') continue;
    const mentions = annotationsOf(valueOf(row, columns.entities))?.map(mentionOf) ?? [];
    evidence.add(text, mentions.filter((mention): mention is Mention => typeof mention !== 'string')); // prettier-ignore
    if (evidence.isEnough || ++rows >= mostRows) break;
  }
  return evidence.convention(said, file.path);
}

const valueOf = ({ values }: DataRow, column: string) => (Object.hasOwn(values, column) ? values[column] : undefined);

function entityRow(
  row: DataRow,
  place: number,
  columns: EntityFile['columns'],
  convention: SpanConvention,
): EntityRow | BadRow {
  const text = valueOf(row, columns.text);
  const said = (column: string, role: FieldRole, what: Words) => unusable(row, role, column, what);
  if (text === undefined || text === null) return said(columns.text, 'firstSequence', words`is missing`);
  if (typeof text !== 'string') return said(columns.text, 'firstSequence', words`is not a text`);
  const cell = valueOf(row, columns.entities);
  if (cell === undefined || cell === null) return said(columns.entities, 'label', words`is missing`);
  const annotations = annotationsOf(cell);
  if (!annotations) return said(columns.entities, 'label', words`is not a list of entities`);

  const reader = new MentionReader(text, convention);
  const entities: Entity[] = [];
  const findings: EntityFinding[] = [];
  const normalized: EntityFinding[] = [];
  for (const annotation of annotations) {
    const mention = mentionOf(annotation);
    const read = typeof mention === 'string' ? { flaw: flawWords(mention, annotation) } : reader.read(mention);
    for (const entity of read.entities ?? []) entities.push(entity);
    const { line } = (annotation ?? {}) as { line?: unknown };
    const finding = (reason: Words): EntityFinding => ({
      line: lineOf(line, row.line),
      row: place,
      reason,
      excerpt: excerptAt(text, typeof mention === 'string' ? 0 : mention.start),
    });
    if (read.flaw) findings.push(finding(read.flaw));
    if (read.normalized) normalized.push(finding(read.normalized));
  }
  return { line: row.line, row: place, text, entities, findings, normalized, values: row.values };
}

/** The text around a place, beginning a little before it. */
function excerptAt(text: string, place: number): string {
  const from = place > 40 ? place - 20 : 0;
  return `${from > 0 ? '…' : ''}${excerptOf(text.slice(from), 60)}`;
}

/** brat's annotations know their line. */
const lineOf = (line: unknown, rowLine: number): number => (typeof line === 'number' && line > 0 ? line : rowLine);

function flawWords(flaw: Flaw, annotation: unknown): Words {
  const shown = excerptOf(JSON.stringify(annotation));
  switch (flaw) {
    case 'discontinuous':
      return words`the entity ${shown} has several parts, which is not supported`;
    case 'noStart':
      return words`the entity ${shown} has no start that is a number from 0`;
    case 'noEnd':
      return words`the entity ${shown} has neither an end that is a number from 0 nor a text`;
    case 'noType':
      return words`the entity ${shown} has no type`;
    case 'noAnnotation':
      return words`${shown} is not an entity`;
  }
}

/** What a mention is in its text. */
interface ReadMention {
  /** One a type. */
  readonly entities?: readonly Entity[];
  /** Why it is no entity. */
  readonly flaw?: Words;
  /** How its own text differs from what stands at its place, by case or width alone. */
  readonly normalized?: Words;
}

/** Places the mentions of one text. */
class MentionReader {
  private readonly map;

  constructor(
    private readonly text: string,
    private readonly convention: SpanConvention,
  ) {
    this.map = characterMap(text);
  }

  read({ start, end, types, text: said }: Mention): ReadMention {
    const type = types.join(', ');
    const last = end === undefined ? start + this.lengthOf(said!) : this.convention.end === 'inclusive' ? end + 1 : end;
    const [from, to] = [this.unitOf(start), this.unitOf(last)];
    const shownEnd = end ?? last;
    if (last <= start) return { flaw: words`the entity from ${start} to ${shownEnd} (${type}) has no character` };
    if (from === undefined || to === undefined) {
      // What has a text of its own is looked for by it.
      if (said !== undefined) return { flaw: this.misplaced(said, type, start, from ?? this.text.length, this.text.length) }; // prettier-ignore
      const outside = Math.max(start, last) > this.lengthOf(this.text);
      return {
        flaw: outside
          ? words`the entity from ${start} to ${shownEnd} (${type}) lies outside the text of ${this.lengthOf(this.text)} characters`
          : words`the entity from ${start} to ${shownEnd} (${type}) begins or ends within a character`,
      };
    }
    const there = this.text.slice(from, to);
    const likeness = said === undefined ? 'same' : likenessOf(there, said);
    if (likeness === 'other') return { flaw: this.misplaced(said!, type, start, from, to) };
    return {
      entities: types.map((one) => ({ start: from, end: to, type: one })),
      ...(likeness === 'normalized' && {
        normalized: words`the entity ${shownText(said!)} (${type}) at ${start} is written ${shownText(there)} in the text`,
      }),
    };
  }

  private misplaced(said: string, type: string, start: number, from: number, to: number): Words {
    const there = shownText(this.text.slice(from, to));
    const nearest = nearestPlace(this.text, said, from);
    return nearest === undefined
      ? words`the entity ${shownText(said)} (${type}) is not at ${start} (there is ${there})`
      : words`the entity ${shownText(said)} (${type}) is not at ${start} (there is ${there}), but at ${this.placeOf(nearest)}`;
  }

  private lengthOf(text: string): number {
    return this.convention.unit === 'utf16' ? text.length : text === this.text ? this.map.length : characterLength(text); // prettier-ignore
  }

  /** Undefined outside the text and within a character. */
  private unitOf(place: number): number | undefined {
    if (this.convention.unit === 'characters') return this.map.unitOf(place);
    return this.map.characterAt(place) === undefined ? undefined : place;
  }

  /** The place in the file's own units. */
  private placeOf(unit: number): number {
    return this.convention.unit === 'utf16' ? unit : (this.map.characterAt(unit) ?? unit);
  }
}

const shownText = (text: string): string => JSON.stringify(excerptOf(text, 40));

/** An example of a task that marks entities. */
export interface EntityExample {
  readonly first: string;
  readonly second?: undefined;
  /** Distinct, in the order of the text; types are those of the run. Absent when predicting. */
  readonly label?: readonly Entity[];
  readonly line: number;
  readonly row: number;
  readonly group?: string;
}

/** What a file of entities has that a person should know. */
export interface EntityFindings {
  /** Mentions that are left out: not at their place, outside the text, of several parts, without a type. */
  readonly flawed: FindingList;
  /** Mentions that are kept though the file writes them in another case or width than the text. */
  readonly normalized: FindingList;
  /** Pairs of distinct entities that share characters. */
  readonly overlapping: FindingList & { readonly rows: number };
  /** Entities left out because a flat tagging cannot hold two that overlap. */
  readonly dropped: number;
  /** Entities that a row has more than once. */
  readonly repeated: number;
}

export interface FindingList {
  readonly count: number;
  /** The first ones. */
  readonly reports: readonly EntityFinding[];
}

/** How many findings of a kind are described; all are counted. */
const MAX_REPORTS = 1000;

export interface ReadEntitiesOptions extends BadRowPolicy {
  readonly fields?: EntityFields;
  readonly spanEnd?: SpanEnd;
  /** Types in order: place = id. Absent: those that occur, in `inferLabels`' order. */
  readonly labels?: readonly (string | number)[];
  /** Renames, merges and drops types. */
  readonly labelMapping?: LabelMapping;
  /** Whether entities may overlap; else of overlapping ones the longer is kept. */
  readonly nested?: boolean;
  /** `predict`: no entities are read, and an empty text is not a bad row, since every row needs an answer. */
  readonly mode?: 'train' | 'predict';
  readonly groupColumn?: string;
  readonly open?: DataFileOptions;
  readonly signal?: AbortSignal;
}

export interface EntityExamples {
  readonly file: DataFile;
  /** The columns read. */
  readonly columns: { readonly first: string; readonly label?: string };
  readonly convention: SpanConvention | undefined;
  readonly examples: readonly EntityExample[];
  /** The types, in the order of their ids; empty when predicting. */
  readonly labels: readonly string[];
  /** Entities by type id. */
  readonly counts: readonly number[];
  /** Types as they stand in the file, counted by entities. */
  readonly rawLabels: readonly RawLabel[];
  /** Entities left out because the mapping says so. */
  readonly dropped: number;
  readonly badRows: { readonly count: number; readonly reports: readonly BadRow[] };
  readonly findings: EntityFindings;
}

/**
 * Reads the texts of a file with their entities.
 *
 * A mention that cannot be used (not at its place, outside the text, of several parts) is an error where bad rows are, and left
 * out where bad rows are skipped; its row stays. One whose own text differs from the text at its place by case or width alone is
 * an entity, and counted.
 *
 * Errors: those of `openEntityFile`; `DATA_FORMAT` (file, line, text) for bad rows and flawed mentions unless they are skipped,
 * and for a file without examples; `LABELS` listing every type that is not mapped; `CANCELLED`.
 */
export async function readEntities(
  source: string | DataFile,
  options: ReadEntitiesOptions = {},
): Promise<EntityExamples> {
  const file = typeof source === 'string' ? await openDataFile(source, options.open) : source;
  const group = options.groupColumn === undefined ? undefined : resolveColumn(file, options.groupColumn, 'group_by');
  if (options.mode === 'predict') return readTexts(file, group, options);
  const opened = await openEntityFile(file, options);
  const known = options.labels ? checkedLabels(options.labels) : undefined;
  const map = new LabelMap(known, options.labelMapping);
  const badRows = new BadRows(file.path, options);
  const flawed = new Findings();
  const normalized = new Findings();
  const overlapping = new Findings();
  const rawLabels = new RawLabelCounts();
  const unmapped = new RawLabelCounts();
  const examples: EntityExample[] = [];
  const counted = new Map<string, number>();
  let [dropped, overlaps, overlappingRows, repeated] = [0, 0, 0, 0];

  for await (const row of opened.rows(options.signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    if (row.text.trim() === '') {
      badRows.add(unusable(row, 'firstSequence', opened.columns.text, words`is empty`));
      continue;
    }
    for (const finding of row.findings) flawed.add(finding);
    for (const finding of row.normalized) normalized.add(finding);
    const mapped: Entity[] = [];
    const strange = new Set<string>();
    for (const entity of row.entities) {
      rawLabels.add(entity.type, row.line);
      const type = map.labelOf(entity.type);
      if (type === undefined) strange.add(entity.type);
      else if (type === null) dropped++;
      else mapped.push({ ...entity, type });
    }
    for (const type of strange) unmapped.add(type, row.line);
    const distinct = distinctEntities(mapped);
    repeated += mapped.length - distinct.length;
    const sorted = [...distinct].sort(byPlace);
    const pairs = overlapsOf(sorted);
    if (pairs.length > 0) overlappingRows++;
    for (const pair of pairs) overlapping.add(overlapFinding(row, pair));
    const flat = options.nested || pairs.length === 0 ? undefined : flatEntities(distinct);
    overlaps += flat?.dropped.length ?? 0;
    const kept = flat?.kept ?? sorted;
    // A type is one of the file's, also where a flat tagging keeps none of it.
    for (const { type } of distinct) if (!counted.has(type)) counted.set(type, 0);
    for (const { type } of kept) counted.set(type, (counted.get(type) ?? 0) + 1);
    const { text: first, line, row: place } = row;
    examples.push({ first, label: kept, line, row: place, ...groupOf(row, group) });
  }

  badRows.stopIfAny();
  if (options.onBadRow !== 'skip') flawed.stopIfAny(file.path);
  if (unmapped.size > 0) {
    const what = words`these types are neither among the labels ${JSON.stringify(known)} nor mapped to one (map them in label_mapping, to null to leave their entities out)`;
    throw unmappedError(file.path, opened.columns.entities, unmapped.list(), what);
  }
  if (examples.length === 0) throw noExamples(file.path, badRows.count, dropped);
  const labels = known ?? inferLabels(counted.keys());
  return {
    file,
    columns: { first: opened.columns.text, label: opened.columns.entities },
    convention: opened.convention,
    examples,
    labels,
    counts: labels.map((label) => counted.get(label) ?? 0),
    rawLabels: rawLabels.list(),
    dropped,
    badRows: { count: badRows.count, reports: badRows.reports },
    findings: {
      flawed: flawed.list(),
      normalized: normalized.list(),
      overlapping: { ...overlapping.list(), rows: overlappingRows },
      dropped: overlaps,
      repeated,
    },
  };
}

/** The texts alone, each of which gets an answer. */
async function readTexts(
  file: DataFile,
  group: string | undefined,
  options: ReadEntitiesOptions,
): Promise<EntityExamples> {
  const { entities: named } = options.fields ?? {};
  // The column is to be filled, and need not be there.
  const entities = named === undefined ? undefined : findColumn(file, named);
  const { text } = entityColumns(file, { ...options.fields, entities });
  const badRows = new BadRows(file.path, options);
  const examples: EntityExample[] = [];
  let place = 0;
  for await (const row of file.rows(options.signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    const first = valueOf(row, text);
    if (typeof first === 'string') examples.push({ first, line: row.line, row: place, ...groupOf(row, group) });
    else badRows.add(unusable(row, 'firstSequence', text, first === undefined || first === null ? words`is missing` : words`is not a text`)); // prettier-ignore
    place++;
  }
  badRows.stopIfAny();
  if (examples.length === 0) throw noExamples(file.path, badRows.count, 0);
  const none = { count: 0, reports: [] };
  return {
    file,
    columns: { first: text },
    convention: undefined,
    examples,
    labels: [],
    counts: [],
    rawLabels: [],
    dropped: 0,
    badRows: { count: badRows.count, reports: badRows.reports },
    findings: { flawed: none, normalized: none, overlapping: { ...none, rows: 0 }, dropped: 0, repeated: 0 },
  };
}

function overlapFinding({ text, line, row }: EntityRow, [first, second]: readonly [Entity, Entity]): EntityFinding {
  const shown = ({ start, end }: Entity) => shownText(text.slice(start, end));
  const isSame = first.start === second.start && first.end === second.end;
  const reason = isSame
    ? words`${shown(first)} is both ${first.type} and ${second.type}`
    : words`${shown(first)} (${first.type}) and ${shown(second)} (${second.type}) overlap`;
  return { line, row, reason, excerpt: excerptAt(text, first.start) };
}

/** Counts findings, and keeps the first ones. */
class Findings {
  private count = 0;
  private readonly reports: EntityFinding[] = [];

  add(finding: EntityFinding): void {
    this.count++;
    if (this.reports.length < MAX_REPORTS) this.reports.push(finding);
  }

  list(): FindingList {
    return { count: this.count, reports: this.reports };
  }

  /** Errors: `DATA_FORMAT` with file, lines, reasons and texts, if there are findings. */
  stopIfAny(path: string): void {
    const [first, ...others] = this.reports;
    if (first === undefined) return;
    const detail = { file: path, ...first, reason: String(first.reason), count: this.count };
    const places = others.slice(0, MAX_NAMED).map(({ line, reason }) => words`line ${line}: ${reason}`);
    const more = this.count - 1 - places.length;
    if (more > 0) places.push(words`and ${more} more`);
    throw new MedTextError(
      'DATA_FORMAT',
      places.length === 0
        ? words`${path} line ${first.line}: ${first.reason}: ${first.excerpt}. Correct it, or choose to skip bad rows ("on_bad_row": "skip"), which leaves the entity out.`
        : words`${path} line ${first.line}: ${first.reason}: ${first.excerpt}. ${this.count} entities cannot be used; the others are ${joined(places, words`; `)}. Correct them, or choose to skip bad rows ("on_bad_row": "skip"), which leaves these entities out.`,
      detail,
    );
  }
}

/** How many findings an error names. */
const MAX_NAMED = 19;
