/** The tokens of a tokenizer.json's model, without the added ones. */
import { words } from '../base/errors';
import { PieceTrie } from './pieceTrie';
import { brokenPart, part } from './tokenizerParts';
import type { TokenizerJson } from './tokenizerJson';

export interface Vocabulary {
  readonly ids: TokenIds;
  /** The tokens by their ids. */
  readonly tokens: readonly (string | undefined)[];
  /** Of a Unigram model, whose ids are its rows. */
  readonly unigram?: UnigramPieces;
}

/** Token → id, undefined for a token that is not there. */
export type TokenIds = Pick<ReadonlyMap<string, number>, 'get'>;

export interface UnigramPieces {
  readonly pieces: readonly string[];
  /** Log probabilities. [pieces.length] */
  readonly scores: Float64Array;
  readonly trie: PieceTrie;
}

/**
 * The vocabulary of a checked file: WordPiece and BPE have an object, Unigram has rows of `[token, score]`. A quarter of
 * a million pieces are common. A map of them would take longer than all else, and few of them are ever looked up.
 * @throws MedTextError TOKENIZER for a row that is no piece with its score.
 */
export function readVocabulary({ model }: TokenizerJson, where: string): Vocabulary {
  const { vocab } = model;
  if (!Array.isArray(vocab)) return vocabularyOf(new Map(Object.entries(vocab as Record<string, number>)));
  const pieces: string[] = Array.from({ length: vocab.length });
  const scores = new Float64Array(vocab.length);
  for (let id = 0; id < vocab.length; id++) {
    const row: unknown = vocab[id];
    const piece: unknown = Array.isArray(row) ? row[0] : undefined;
    const score: unknown = Array.isArray(row) ? row[1] : undefined;
    if (typeof piece !== 'string' || typeof score !== 'number') {
      throw brokenPart(part(model, 'model', where), `vocab[${id}]`, words`a piece and its score`);
    }
    pieces[id] = piece;
    scores[id] = score;
  }
  const trie = new PieceTrie(pieces);
  return { ids: trie, tokens: pieces, unigram: { pieces, scores, trie } };
}

export function vocabularyOf(ids: ReadonlyMap<string, number>): Vocabulary {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of ids) tokens[id] = token;
  return { ids, tokens };
}
