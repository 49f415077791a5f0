/**
 * Removes pieces from a tokenizer. The pipeline stays the same; the remaining rows are renumbered in their old order.
 */
import { MedTextError, words } from '../base/errors';
import { declaredTokens } from './declaredTokens';
import type { TokenizerFiles } from './tokenizer';
import { checkTokenizerJson, isJsonObject, jsonObject, type JsonObject, type TokenizerJson } from './tokenizerJson';
import { vocabularyOf } from './vocabulary';
import { vocabularyToTokenizerJson } from './vocabularyToTokenizerJson';

export interface PrunedVocabulary {
  /** Old id → new id. Undefined where the row is removed. */
  readonly newId: ReadonlyMap<number, number>;
  /** The old ids that stay, in ascending order: row i of the new table is the old row `rows[i]`. */
  readonly rows: readonly number[];
  /** File name → text: tokenizer.json, tokenizer_config.json, and vocab.txt of a WordPiece. */
  readonly files: Readonly<Record<string, string>>;
}

/** A piece of a vocabulary, for which `keeps` decides. */
export interface Piece {
  readonly id: number;
  /** The piece as the vocabulary writes it: `▁糖尿病`, `##病`. */
  readonly token: string;
  /** The piece without the marks of a word's beginning or inside: `糖尿病`, `病`. */
  readonly text: string;
}

/** Classes of pieces that a caller can keep by name. */
export const PIECE_CLASSES = {
  /** A mark of a word's beginning alone (`▁`) counts as a character. */
  characters: (text: string) => [...text].length <= 1 && !isForeign(text),
  ascii: (text: string) => /^[\x20-\x7e]+$/.test(text),
  punctuation: (text: string) => /^[\p{P}\p{S}]+$/u.test(text),
} as const satisfies Record<string, (text: string) => boolean>;

export type PieceClass = keyof typeof PIECE_CLASSES;

/**
 * Keeps the special tokens, the added tokens, the unknown token, and every piece that `keeps` accepts. Every place that
 * names an id is renumbered: the vocabulary, added tokens, the post-processor and tokenizer_config.json.
 * @throws MedTextError UNSUPPORTED for BPE, whose merges make longer pieces of shorter ones, so that removing one piece
 * removes others; TOKENIZER for broken files.
 */
export function pruneVocabulary(
  files: TokenizerFiles,
  keeps: (piece: Piece) => boolean,
  where: string,
): PrunedVocabulary {
  const config = jsonObject(files.tokenizerConfig ?? {}, where, 'tokenizer_config.json');
  const specialTokensMap = jsonObject(files.specialTokensMap ?? {}, where, 'special_tokens_map.json');
  const declaring = { config, specialTokensMap, addedTokens: jsonObject(files.addedTokens ?? {}, where, 'added_tokens.json') }; // prettier-ignore
  const read =
    files.tokenizerJson === undefined
      ? vocabularyToTokenizerJson(files.vocabTxt ?? '', declaring, where)
      : checkTokenizerJson(jsonObject(files.tokenizerJson, where, 'tokenizer.json'), where);
  const vocabulary = piecesOf(read, where);
  // Tokens that other files declare go into tokenizer.json with their new ids, because those files would state the old
  // ids.
  const known = vocabularyOf(new Map(vocabulary.map(({ token, id }) => [token, id])));
  const json = {
    ...read,
    added_tokens: [...read.added_tokens, ...declaredTokens(declaring, known, read.added_tokens)],
  };
  const named = new Set<number>(json.added_tokens.map(({ id }) => id));
  const unknown = json.model.type === 'Unigram' ? json.model.unk_id : vocabulary.find(({ token }) => token === json.model.unk_token)?.id; // prettier-ignore
  if (typeof unknown === 'number') named.add(unknown);
  for (const id of processorIds(json.post_processor)) named.add(id);

  const kept = vocabulary.filter((piece) => named.has(piece.id) || keeps(piece));
  const rows = [...new Set([...kept.map(({ id }) => id), ...named])].sort((a, b) => a - b);
  const newId = new Map(rows.map((id, row) => [id, row]));
  const renumbered = renumber(json, kept, newId);
  return {
    newId,
    rows,
    files: {
      'tokenizer.json': text(renumbered),
      'tokenizer_config.json': text(renumberedConfig(config, newId)),
      ...(files.specialTokensMap !== undefined && { 'special_tokens_map.json': text(specialTokensMap) }),
      ...(json.model.type !== 'Unigram' && { 'vocab.txt': vocabTxt(renumbered, rows.length) }),
    },
  };
}

function piecesOf({ model }: TokenizerJson, where: string): Piece[] {
  if (model.type === 'BPE' || 'merges' in model) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${where}: its vocabulary is BPE, which cannot be cut, because BPE merges build pieces from other pieces. Unigram and WordPiece vocabularies can be cut.`,
      { where, kind: 'BPE' },
    );
  }
  const rows: [string, number][] = Array.isArray(model.vocab)
    ? model.vocab.map((row, id) => [String((row as unknown[] | null)?.[0]), id])
    : Object.entries(model.vocab as Record<string, number>);
  const inside = typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : '##';
  const bare = (token: string) => {
    if (model.type === 'Unigram') return token.replace(/^▁/, '');
    return inside !== '' && token.startsWith(inside) && token.length > inside.length
      ? token.slice(inside.length)
      : token;
  };
  return rows.map(([token, id]) => ({ id, token, text: bare(token) })).sort((a, b) => a.id - b.id);
}

/** The ids that the post-processor puts around texts. */
function processorIds(processor: unknown): number[] {
  const ids: number[] = [];
  mapProcessorIds(processor, (id) => (ids.push(id), id));
  return ids;
}

function renumber(json: TokenizerJson, kept: readonly Piece[], newId: ReadonlyMap<number, number>): TokenizerJson {
  const { model } = json;
  const to = (id: number) => newId.get(id)!;
  const vocab = Array.isArray(model.vocab)
    ? kept.map(({ id }) => (model.vocab as readonly unknown[])[id])
    : Object.fromEntries(kept.map(({ id, token }) => [token, to(id)]));
  return {
    ...json,
    added_tokens: json.added_tokens.map((token) => ({ ...token, id: to(token.id) })),
    post_processor: mapProcessorIds(json.post_processor, to) as TokenizerJson['post_processor'],
    // Padding belongs to a batch and truncation to a recipe; both would name old ids and lengths.
    padding: null,
    truncation: null,
    model: { ...model, ...(typeof model.unk_id === 'number' && { unk_id: to(model.unk_id) }), vocab },
  } as TokenizerJson;
}

/**
 * Maps the ids in `[token, id]` pairs (BertProcessing, RobertaProcessing), in `ids` of templates, and in parts of a
 * Sequence.
 */
function mapProcessorIds(value: unknown, to: (id: number) => number, key = ''): unknown {
  if (Array.isArray(value)) {
    if (key === 'ids') return value.map((id) => to(id as number));
    if (/^(cls|sep)$/.test(key) && typeof value[1] === 'number') return [value[0], to(value[1])];
    return value.map((entry) => mapProcessorIds(entry, to));
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, mapProcessorIds(entry, to, name)]));
}

/** tokenizer_config.json with its list of added tokens renumbered. */
function renumberedConfig(config: JsonObject, newId: ReadonlyMap<number, number>): JsonObject {
  const { added_tokens_decoder: decoder, ...others } = config;
  if (!isJsonObject(decoder)) return config;
  const entries = Object.entries(decoder).flatMap(([id, token]) => {
    const to = newId.get(Number(id));
    return to === undefined ? [] : [[String(to), token] as const];
  });
  return { ...others, added_tokens_decoder: Object.fromEntries(entries) };
}

/** vocab.txt, one line for each id. Tokens that only tokenizer.json names come from its added tokens. */
function vocabTxt({ model, added_tokens }: TokenizerJson, size: number): string {
  const lines = new Array<string>(size).fill('');
  for (const [token, id] of Object.entries(model.vocab as Record<string, number>)) lines[id] = token;
  for (const { content, id } of added_tokens) lines[id] = content;
  return `${lines.join('\n')}\n`;
}

/**
 * Whether a character is a letter, mark or digit of a script that Chinese text does not use. Chinese text does use
 * Latin and Greek.
 */
function isForeign(character: string): boolean {
  const used =
    /[\p{Script=Han}\p{Script=Latin}\p{Script=Greek}\p{Script=Bopomofo}\p{Script=Common}\p{Script=Inherited}]/u;
  return /[\p{L}\p{M}\p{N}]/u.test(character) && !used.test(character);
}

function text(value: unknown): string {
  return JSON.stringify(value);
}
