/** Text with one token and its tag a line, as CoNLL has it, and an empty line behind each text. */
import { words, type Words } from '../../base/words';
import { excerptOf, isWellFormed, type Piece } from '../dataRow';
import { firstNewline, isBlank } from '../lineReader';
import { TextWindow, type ReadPosition } from '../textWindow';
import type { Entity } from './entity';
import { characterLength } from './offsets';
import { parseTag, schemeOf, spansOfTags, type Tag, type TagForm, type TagScheme } from './tagSchemes';

export interface ColumnsLayout {
  readonly separator: 'tab' | 'space';
  readonly form: TagForm;
  readonly scheme: TagScheme;
  /** Whether every token is a character: then nothing stands between them; else a space does, but not beside Chinese. */
  readonly areCharacters: boolean;
  /** The letters for an entity's inner, last and only token, as the file has them (BMES, BILOU). */
  readonly letters: Readonly<Record<'I' | 'E' | 'S', string>>;
}

/** What the rows of such a file have. */
export const COLUMNS_OF_TAGGED = ['text', 'entities'] as const;

/** Lines that are looked at to tell what a file is. */
const TELLING_LINES = 20_000;
/** The share of lines that must be a token and a tag for a file to count as one of tokens and tags. */
const TELLING_SHARE = 0.9;

/**
 * How a text of tokens and tags is written; undefined for any other text. Told by the last field of its lines: nearly all of them
 * are tags, and some are of entities.
 *
 * @param isWhole whether `text` is all there is; else its last line may be cut
 */
export function columnsLayout(text: string, isWhole: boolean): ColumnsLayout | undefined {
  const lines = text.split(/\r\n?|\n/, TELLING_LINES);
  if (!isWhole && lines.length < TELLING_LINES) lines.pop();
  const visible = lines.filter((line) => !isBlank(line) && !isDocumentLine(line));
  const separator = visible.filter((line) => line.includes('\t')).length > visible.length / 2 ? 'tab' : 'space';
  const fields = lines.map((line) => (isBlank(line) || isDocumentLine(line) ? undefined : fieldsOf(line, separator)));
  const form = (['prefix', 'suffix'] as const).find((one) => {
    const tags = fields.flatMap((found) => (found ? [parseTag(found.tag, one)] : []));
    const known = tags.filter((tag) => tag !== undefined);
    return known.length >= TELLING_SHARE * visible.length && known.some(({ prefix }) => prefix !== 'O');
  });
  if (form === undefined) return undefined;
  const sequences: Tag[][] = [[]];
  for (const found of fields) {
    const tag = found && parseTag(found.tag, form);
    if (!found) sequences.push([]);
    else if (tag) sequences.at(-1)!.push(tag);
  }
  const tokens = fields.flatMap((found) => (found ? [found.token] : []));
  const areCharacters = tokens.every((token) => characterLength(token) === 1);
  const tags = fields.flatMap((found) => (found ? [found.tag] : []));
  return { separator, form, scheme: schemeOf(sequences) ?? 'IOB2', areCharacters, letters: lettersOf(tags, form) };
}

/** Why a text that {@link columnsLayout} does not know is none of tokens and tags: the first line that is not as the others should be. */
export function untaggedLine(text: string, isWhole: boolean): { readonly line: number; readonly reason: Words } {
  const lines = text.split(/\r\n?|\n/, TELLING_LINES);
  if (!isWhole && lines.length > 1) lines.pop();
  const isTag = (tag: string) => (['prefix', 'suffix'] as const).some((form) => parseTag(tag, form) !== undefined);
  const separator = lines.some((line) => line.includes('\t')) ? 'tab' : 'space';
  for (const [at, line] of lines.entries()) {
    if (isBlank(line) || isDocumentLine(line)) continue;
    const found = fieldsOf(line, separator);
    if (!found) return { line: at + 1, reason: words`${JSON.stringify(excerptOf(line, 40))} is one field, without a tag` }; // prettier-ignore
    if (!isTag(found.tag)) return { line: at + 1, reason: words`${JSON.stringify(excerptOf(found.tag, 40))} is not a tag` }; // prettier-ignore
  }
  return { line: 1, reason: words`no tag is one of an entity, all are O` };
}

function lettersOf(tags: readonly string[], form: TagForm): ColumnsLayout['letters'] {
  const used = new Set(tags.map((tag) => (form === 'prefix' ? tag[0] : tag.at(-1))));
  const first = (letters: string) => [...letters].find((letter) => used.has(letter)) ?? letters[0];
  return { I: first('IM'), E: first('EL'), S: first('SUW') };
}

/**
 * The lines of a text with the tags of other entities; everything else as it stands. A token that an entity begins or ends in is
 * the entity's.
 *
 * @param entities in UTF-16 units of the text as {@link readColumns} puts it together, in its order, without overlap
 */
export function withTags(
  block: string,
  { separator, form, scheme, areCharacters, letters }: ColumnsLayout,
  entities: readonly Entity[],
): string {
  // Contents of lines at even places, what ends them behind each.
  const parts = block.split(/(\r\n?|\n)/);
  const fields = parts.map((part, i) => (i % 2 === 0 && part !== '' ? fieldsOf(part, separator) : undefined));
  const tokens = fields.flatMap((found) => (found ? [found.token] : []));
  const { units } = joinTokens(tokens, areCharacters);
  let token = 0;
  let from = 0;
  let before: Entity | undefined;
  const entityAt = (at: number): Entity | undefined => {
    while (from < entities.length && entities[from].end <= units[at]) from++;
    const entity = entities[from];
    return entity && at < tokens.length && entity.start < units[at] + tokens[at].length ? entity : undefined;
  };
  return parts
    .map((part, i) => {
      const found = fields[i];
      if (!found) return part;
      const entity = entityAt(token);
      const isFirst = entity !== before;
      const isLast = entity !== entityAt(token + 1);
      const afterKin = before !== undefined && before.type === entity?.type;
      before = entity;
      token++;
      const inner = isFirst ? 'B' : letters.I;
      const letter = {
        IOB2: inner,
        IOB1: isFirst && afterKin ? 'B' : letters.I,
        IOBES: isLast ? letters[isFirst ? 'S' : 'E'] : inner,
      }[scheme];
      const tag = entity ? (form === 'prefix' ? `${letter}-${entity.type}` : `${entity.type}-${letter}`) : 'O';
      const at = part.lastIndexOf(found.tag);
      return part.slice(0, at) + tag + part.slice(at + found.tag.length);
    })
    .join('');
}

/** CoNLL-2003 marks where a document begins; CoNLL-U and WNUT write comments. */
function isDocumentLine(line: string): boolean {
  return line.startsWith('-DOCSTART-') || /^#\s+\S.*=/.test(line);
}

/** The first and the last field of a line; undefined where it has one field. A token of nothing is a space. */
function fieldsOf(line: string, separator: ColumnsLayout['separator']): { token: string; tag: string } | undefined {
  if (separator === 'tab') {
    const first = line.indexOf('\t');
    if (first < 0) return undefined;
    const token = line.slice(0, first);
    return { token: isBlank(token) ? ' ' : token, tag: line.slice(line.lastIndexOf('\t') + 1).trim() };
  }
  const trimmed = line.trimEnd();
  const last = Math.max(trimmed.lastIndexOf(' '), trimmed.lastIndexOf('\t'));
  if (last < 0) return undefined;
  const token = /^\S*/.exec(trimmed.slice(0, last))![0];
  return { token: token === '' ? ' ' : token, tag: trimmed.slice(last + 1) };
}

/**
 * Reads tokens and tags, a row each text: its `text`, put together from the tokens, and its `entities`, whose `start` and `end`
 * count characters.
 */
export async function* readColumns(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  layout: ColumnsLayout,
  from?: ReadPosition,
): AsyncGenerator<Piece[]> {
  const window = new TextWindow(chunks, from);
  let newline = from?.newline;
  let pieces: Piece[] = [];
  let isSkipping = false; // Inside a text that was reported as too long.
  try {
    for (;;) {
      newline ??= firstNewline(window);
      const found = blockEnd(window.text, window.position, newline, window.ended);
      const isTooLong = window.unread > maxRowLength && (found === undefined || found.end - window.position > maxRowLength); // prettier-ignore
      if (found === undefined && !isTooLong) {
        yield pieces;
        pieces = [];
        await window.grow();
        continue;
      }
      if (window.unread === 0) break;
      const { line } = window;
      // A line is not cut in two: what is skipped ends with one.
      const end = found?.end ?? lineStartBefore(window.text, window.position, newline);
      const text = window.take(end);
      if (found?.kind === 'gap') pieces.push({ kind: 'gap', line, text });
      else if (isSkipping) pieces.push({ kind: 'gap', line, text });
      else if (isTooLong) {
        pieces.push({ kind: 'bad', line, text, reason: words`the text is longer than ${maxRowLength} characters` });
      } else pieces.push(taggedPiece(line, text, layout));
      isSkipping = found === undefined && (isSkipping || isTooLong);
    }
    yield pieces;
  } finally {
    await window.close();
  }
}

/** Where the text that begins at `start` ends, or the empty lines that begin there; undefined: beyond what has been read. */
function blockEnd(
  text: string,
  start: number,
  newline: string | undefined,
  ended: boolean,
): { kind: 'gap' | 'block'; end: number } | undefined {
  let kind: 'gap' | 'block' | undefined;
  for (let at = start; at < text.length;) {
    const found = newline === undefined ? -1 : text.indexOf(newline, at);
    if (found < 0 && !ended) return undefined;
    const end = found < 0 ? text.length : found + 1;
    const line = text.slice(at, end);
    const next = isBlank(line) || isDocumentLine(line) ? 'gap' : 'block';
    if (kind !== undefined && next !== kind) return { kind, end: at };
    kind = next;
    at = end;
    // Gaps need not be gathered.
    if (kind === 'gap') return { kind, end };
  }
  return ended ? { kind: kind ?? 'gap', end: text.length } : undefined;
}

function lineStartBefore(text: string, position: number, newline: string | undefined): number {
  const last = newline === undefined ? -1 : text.lastIndexOf(newline);
  return last >= position ? last + 1 : text.length;
}

function taggedPiece(line: number, text: string, layout: ColumnsLayout): Piece {
  const bad = (reason: Words): Piece => ({ kind: 'bad', line, text, reason });
  if (!isWellFormed(text)) return bad(words`bytes that are not valid in the file’s encoding`);
  const tokens: string[] = [];
  const tags: Tag[] = [];
  const lines = text.split(/\r\n?|\n/);
  if (lines.at(-1) === '') lines.pop();
  for (const [i, content] of lines.entries()) {
    const fields = fieldsOf(content, layout.separator);
    if (!fields) return bad(words`the token has no tag (line ${line + i})`);
    const tag = parseTag(fields.tag, layout.form);
    if (!tag) return bad(words`${JSON.stringify(fields.tag)} is not a tag (line ${line + i})`);
    tokens.push(fields.token);
    tags.push(tag);
  }
  const { spans, illegal } = spansOfTags(tags, layout.scheme);
  const [first] = illegal;
  if (first) return bad(illegalWords(first.at, tags, line, layout.scheme));
  const joined = joinTokens(tokens, layout.areCharacters);
  const entities = spans.map(({ start, end, type }) => ({
    start: joined.starts[start],
    end: joined.ends[end - 1],
    type,
    text: joined.text.slice(joined.units[start], joined.units[end - 1] + tokens[end - 1].length),
  }));
  return { kind: 'row', line, text, values: { text: joined.text, entities } };
}

function illegalWords(at: number, tags: readonly Tag[], line: number, scheme: TagScheme): Words {
  const name = ({ prefix, type }: Tag) => (prefix === 'O' ? prefix : `${prefix}-${type}`);
  if (at === tags.length) return words`${name(tags[at - 1])} ends no entity, and the text ends (line ${line + at - 1}, tags of ${scheme})`; // prettier-ignore
  return at === 0
    ? words`${name(tags[at])} cannot begin a text (line ${line}, tags of ${scheme})`
    : words`${name(tags[at])} cannot follow ${name(tags[at - 1])} (line ${line + at}, tags of ${scheme})`;
}

/** Letters that are written without spaces between words, and the marks that go with them. */
const UNSPACED = /[\u2e80-\u303f\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60\u{20000}-\u{3ffff}]/u; // prettier-ignore

/** Tokens as a text; where each begins and ends in characters, and where it begins in UTF-16 units. */
function joinTokens(
  tokens: readonly string[],
  areCharacters: boolean,
): { text: string; starts: number[]; ends: number[]; units: number[] } {
  const starts: number[] = [];
  const units: number[] = [];
  const ends: number[] = [];
  let text = '';
  let length = 0;
  let before: string | undefined;
  for (const token of tokens) {
    if (!areCharacters && before !== undefined && isSpaced(before, token)) {
      text += ' ';
      length++;
    }
    starts.push(length);
    units.push(text.length);
    text += token;
    length += characterLength(token);
    ends.push(length);
    before = token;
  }
  return { text, starts, ends, units };
}

function isSpaced(before: string, after: string): boolean {
  const last = /.$/su.exec(before)?.[0] ?? '';
  const first = /^./su.exec(after)?.[0] ?? '';
  return !UNSPACED.test(last) && !UNSPACED.test(first) && last.trim() !== '' && first.trim() !== '';
}
