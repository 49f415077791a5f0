/** The `model` of a tokenizer.json: the ids that a word becomes. Results equal those of Python's `tokenizers`. */
import { MedTextError, words } from '../base/errors';
import { bytePairEncoder } from './bytePairEncoding';
import { brokenPart, flagField, part, textField, unknownPart, type TokenizerPart } from './tokenizerParts';
import type { TokenizerJson } from './tokenizerJson';
import { unigramEncoder } from './unigram';
import type { Vocabulary } from './vocabulary';
import { wordPieceEncoder } from './wordPiece';
import type { WordModel, WordTokens } from './wordTokens';

/**
 * Makes the word model that a tokenizer.json describes.
 * @throws MedTextError TOKENIZER where a field is wrong or the unknown token is not in the vocabulary, UNSUPPORTED for
 * an unknown kind.
 */
export function readWordModel({ model: json }: TokenizerJson, vocabulary: Vocabulary, where: string): WordModel {
  const model = part(json, 'model', where);
  switch (json.type ?? legacyType(model)) {
    case 'WordPiece':
      return wordPiece(model);
    case 'WordLevel':
      return wordLevel(model);
    case 'BPE':
      return remembering(bytePair(model));
    case 'Unigram':
      return remembering(unigram(model, vocabulary));
    default:
      throw unknownPart(model);
  }
}

/** The kind of a model in an old file, which does not name it. */
function legacyType({ json }: TokenizerPart): string {
  if ('merges' in json) return 'BPE';
  return Array.isArray(json.vocab) ? 'Unigram' : 'WordPiece';
}

function wordPiece(model: TokenizerPart): WordModel {
  const { continuing_subword_prefix: prefix, max_input_chars_per_word: longest } = model.json;
  const vocab = vocabulary(model);
  return wordPieceEncoder({
    vocab,
    unknownId: unknownId(model, vocab),
    continuingPrefix: typeof prefix === 'string' ? prefix : '##',
    maxCharactersPerWord: typeof longest === 'number' ? longest : 100,
  });
}

function wordLevel(model: TokenizerPart): WordModel {
  const vocab = vocabulary(model);
  const unknown = unknownId(model, vocab);
  return (word) => ({ ids: [vocab.get(word) ?? unknown], starts: [0], ends: [word.length] });
}

function bytePair(model: TokenizerPart): WordModel {
  const { json, where } = model;
  if (typeof json.dropout === 'number' && json.dropout > 0) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${where}: tokenizer.json's model has a dropout of ${json.dropout}: it would split the same text differently each time. Set it to null.`,
      { where, part: 'model.dropout' },
    );
  }
  const vocab = vocabulary(model);
  const affix = (field: string) => (json[field] == null ? '' : textField(model, field));
  const config = {
    vocab,
    merges: mergesOf(model),
    unknownId: json.unk_token == null ? undefined : unknownId(model, vocab),
    continuingPrefix: affix('continuing_subword_prefix'),
    wordSuffix: affix('end_of_word_suffix'),
    fuseUnknown: flagField(model, 'fuse_unk', false),
    byteFallback: flagField(model, 'byte_fallback', false),
    ignoreMerges: flagField(model, 'ignore_merges', false),
  };
  try {
    return bytePairEncoder(config);
  } catch (error) {
    throw new MedTextError(
      'TOKENIZER',
      words`${where}: this tokenizer cannot be used: ${(error as Error).message}.`,
      { where, part: 'model.merges' },
      { cause: error },
    );
  }
}

/** The merges, written as `["a b", …]` or, where tokens may hold spaces, as `[["a", "b"], …]`. */
function mergesOf(model: TokenizerPart): [string, string][] {
  const merges = model.json.merges ?? [];
  if (!Array.isArray(merges)) throw brokenPart(model, 'merges', words`an array`);
  return merges.map((merge: unknown, i) => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const [left, right, ...more] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof left !== 'string' || typeof right !== 'string' || more.length > 0) {
      throw brokenPart(model, `merges[${i}]`, words`a pair of tokens`);
    }
    return [left, right];
  });
}

function unigram(model: TokenizerPart, { unigram: rows }: Vocabulary): WordModel {
  const { json } = model;
  if (!rows) throw brokenPart(model, 'vocab', words`an array`);
  const unknown = json.unk_id ?? undefined;
  if (unknown !== undefined && !(typeof unknown === 'number' && unknown in rows.pieces)) {
    throw brokenPart(model, 'unk_id', words`a token id (0 or a positive whole number)`);
  }
  return unigramEncoder({
    ...rows,
    unknownId: unknown as number | undefined,
    byteFallback: flagField(model, 'byte_fallback', false),
    noUnknownToken: (text) =>
      new MedTextError(
        'TOKENIZER',
        words`${model.where}: the vocabulary has nothing for "${text}", and tokenizer.json's model no unknown token (unk_id).`,
        { where: model.where, text },
      ),
  });
}

function vocabulary(model: TokenizerPart): ReadonlyMap<string, number> {
  const { vocab } = model.json;
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw brokenPart(model, 'vocab', words`an object`);
  }
  return new Map(Object.entries(vocab as Record<string, number>));
}

function unknownId({ json, where }: TokenizerPart, vocab: ReadonlyMap<string, number>): number {
  const id = typeof json.unk_token === 'string' ? vocab.get(json.unk_token) : undefined;
  if (id !== undefined) return id;
  throw new MedTextError(
    'TOKENIZER',
    words`${where}: the vocabulary has no ${json.unk_token ?? words`unknown token`}, the token for unknown text. Copy the tokenizer files again.`,
    { where },
  );
}

const REMEMBERED_WORDS = 10_000;
const REMEMBERED_LENGTH = 64;

/** Keeps the ids of words, because a few words make up most of a text. */
function remembering(model: WordModel): WordModel {
  const known = new Map<string, WordTokens>();
  return (word) => {
    let tokens = known.get(word);
    if (tokens) return tokens;
    tokens = model(word);
    if (word.length <= REMEMBERED_LENGTH) {
      if (known.size >= REMEMBERED_WORDS) known.clear();
      known.set(word, tokens);
    }
    return tokens;
  };
}
