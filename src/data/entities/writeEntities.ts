/** Entities written into a copy of a data file, in the file's own form. */
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { modeOfFile, writeFileAtomically } from '../../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { readSmallFile } from '../../base/textFile';
import { BadRows, type BadRowPolicy, type DataFile } from '../dataFile';
import { isBadRow } from '../dataRow';
import { newFormat, refuseUnfillable, writeFilled, type FillOptions } from '../writeFilled';
import { annotationColumn, annotationField, annotationsOf } from './annotations';
import type { Entity } from './entity';
import { characterMap } from './offsets';
import { openEntityFile } from './readEntities';
import type { SpanConvention, SpanEnd } from './spanConvention';

export interface WriteEntitiesOptions extends BadRowPolicy {
  /** The column of entities; absent: that of the file, else `entities`. */
  readonly column?: string;
  readonly textColumn: string;
  /** What the ends of the file's annotations are, where a person says it; absent: found from the file. */
  readonly spanEnd?: SpanEnd;
  /** What answers, as Label Studio's predictions name it. */
  readonly model?: string;
  readonly signal?: AbortSignal;
}

export interface WrittenEntities {
  /** Texts that were answered. */
  readonly rows: number;
  readonly badRows: number;
  readonly column: string;
  /** brat's annotations of other kinds that are not written, since they refer to entities of annotators; absent: none. */
  readonly leftOut?: number;
}

/** The entities of the text at a place among the readable rows, without overlap for a file of tags; null leaves it as it is. */
export type EntitiesOf = (
  row: number,
) => { readonly text: string; readonly entities: readonly PredictedEntity[] } | null;

type PredictedEntity = Entity & { readonly probability?: number };

/**
 * What writes the file again with entities in it: in the fields and with the meaning of ends that its own annotations have, tags in
 * the file's scheme, brat's `.ann` beside a copy of each text (without relations and whatever else refers to its annotators' entities), or predictions of Label Studio's tasks. A file without annotations gets
 * `{"start", "end", "type", "text"}`, ends exclusive, in characters; so does one whose ends nobody can tell.
 *
 * Errors: `UNSUPPORTED`, `USAGE`, `NOT_FOUND` at once, where the file or the output's name cannot be; then those of `writeFilled`.
 */
export function entitiesWriter(
  file: DataFile,
  output: string,
  options: WriteEntitiesOptions,
): (entitiesOf: EntitiesOf) => Promise<WrittenEntities> {
  if (file.format === 'brat') return (entitiesOf) => writeDocuments(file, output, entitiesOf, options);
  const hasNames = file.format === 'json' || file.format === 'jsonl' || file.header;
  const column =
    options.column ??
    annotationColumn(file.columns, file.sample) ??
    (file.tasks ? 'label' : hasNames ? 'entities' : String(file.columns.length));
  const { onBadRow, model, signal } = options;
  const fill: FillOptions = { label: column, textColumns: [options.textColumn], onBadRow, model, signal };
  const isPrediction = file.tasks && !newFormat(file, output);
  refuseUnfillable(file, output, fill);
  return async (entitiesOf) => {
    const shape = file.tagged ? undefined : await shapeOf(file, column, options);
    const answerOf = (row: number) => {
      const answer = entitiesOf(row);
      if (!answer || !shape) return answer && answer.entities;
      const values = shaped(answer.text, answer.entities, shape);
      return isPrediction ? values.map((value, at) => ({ value, score: answer.entities[at].probability })) : values;
    };
    const { filled, badRows } = await writeFilled(file, output, answerOf, fill);
    return { rows: filled, badRows, column };
  };
}

/** How a file writes an annotation. */
interface AnnotationShape {
  /** One of its annotations: its fields, and what they hold, are copied. */
  readonly example: object;
  readonly convention: Pick<SpanConvention, 'end' | 'unit'>;
}

const PLAIN: AnnotationShape = {
  example: { start: 0, end: 1, type: '', text: '' },
  convention: { end: 'exclusive', unit: 'characters' },
};

/** As Label Studio's labelling interface for entities writes them. */
const PLAIN_SPAN: AnnotationShape = { ...PLAIN, example: { start: 0, end: 1, text: '', labels: [''] } };

async function shapeOf(
  file: DataFile,
  column: string,
  { textColumn, spanEnd, signal }: WriteEntitiesOptions,
): Promise<AnnotationShape> {
  const annotations = file.sample.flatMap(({ values }) => (Object.hasOwn(values, column) ? (annotationsOf(values[column]) ?? []) : [])); // prettier-ignore
  const example = annotations.find((one): one is object => typeof one === 'object' && one !== null);
  if (!example) return file.tasks ? PLAIN_SPAN : PLAIN;
  try {
    const { convention } = await openEntityFile(file, {
      fields: { text: textColumn, entities: column },
      spanEnd,
      signal,
    });
    return { example, convention };
  } catch (error) {
    if (
      spanEnd === undefined &&
      error instanceof MedTextError &&
      (error.code === 'RECIPE' || error.code === 'NOT_FOUND')
    )
      return PLAIN;
    throw error;
  }
}

function shaped(text: string, entities: readonly Entity[], { example, convention }: AnnotationShape): object[] {
  const map = characterMap(text);
  const placeOf = (unit: number) => (convention.unit === 'utf16' ? unit : map.characterAt(unit)!);
  return entities.map(({ start, end, type }) => {
    const values = {
      start: placeOf(start),
      end: placeOf(end) - (convention.end === 'inclusive' ? 1 : 0),
      type,
      text: text.slice(start, end),
    };
    if (Array.isArray(example)) return [values.start, values.end, values.type, ...(example.length > 3 ? [values.text] : [])]; // prettier-ignore
    const fields = Object.entries(example).flatMap(([name, before]): [string, unknown][] => {
      const field = annotationField(name);
      if (!field) return [];
      // Offsets may be strings of digits, types lists of one.
      const value = typeof before === 'string' ? String(values[field]) : values[field];
      return [[name, Array.isArray(before) ? [value] : value]];
    });
    return Object.fromEntries(fields);
  });
}

async function writeDocuments(
  file: DataFile,
  output: string,
  entitiesOf: EntitiesOf,
  { signal, onBadRow }: WriteEntitiesOptions,
): Promise<WrittenEntities> {
  const isFolder = !/\.(txt|ann)$/.test(file.path);
  if (!isFolder && !/\.(txt|ann)$/.test(output)) {
    throw new MedTextError('USAGE', words`${output}: a document of brat's is a text with the ending .txt. Name the output so.`, { file: output }); // prettier-ignore
  }
  if (isFolder) await emptyFolder(output);
  const badRows = new BadRows(file.path, { onBadRow });
  let place = 0;
  let [rows, leftOut] = [0, 0];
  for await (const row of file.rows(signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      badRows.stopIfAny();
      continue;
    }
    const answer = entitiesOf(place++);
    const name = String(row.values.document);
    const source = isFolder ? join(file.path, basename(name)) : name;
    const target = isFolder ? join(output, basename(name)) : output.slice(0, -4);
    const mode = { noWiderThan: await modeOfFile(`${source}.txt`) };
    await writeFileAtomically(`${target}.txt`, await readSmallFile(`${source}.txt`), mode);
    const before = await readSmallFile(`${source}.ann`);
    await writeFileAtomically(`${target}.ann`, answer ? standoff(answer.text, answer.entities) : before, mode);
    if (!answer) continue;
    rows++;
    leftOut += before.toString().match(/^[REAMN#*]/gm)?.length ?? 0;
  }
  return { rows, badRows: badRows.count, column: 'entities', ...(leftOut > 0 && { leftOut }) };
}

/** brat counts characters, and writes a stretch of several lines as one of each. */
function standoff(text: string, entities: readonly Entity[]): string {
  const map = characterMap(text);
  return entities
    .map(({ start, end, type }, i) => {
      const lines = [...text.slice(start, end).matchAll(/[^\r\n]+/g)].map(({ index, 0: line }) => [start + index, start + index + line.length] as const); // prettier-ignore
      const ranges = lines.map(([from, to]) => `${map.characterAt(from)} ${map.characterAt(to)}`).join(';');
      const said = lines.map(([from, to]) => text.slice(from, to)).join(' ');
      return `T${i + 1}\t${type.replace(/\s+/g, '_')} ${ranges}\t${said}\n`;
    })
    .join('');
}

async function emptyFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    const present = await readdir(path);
    if (present.length === 0) return;
    throw new MedTextError('IO', words`${path} already holds files (${present.slice(0, 3).join(', ')}). Choose a new folder.`, { file: path }); // prettier-ignore
  } catch (error) {
    throw asMedTextError(error);
  }
}
