/** How the texts of a corpus become ids, and which of them begin a word. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { readTextFile } from '../../base/textFile';
import type { EncodedText } from '../../data/corpus/corpusIndex';
import { readTerms, WordBoundaries } from '../../data/corpus/wordBoundaries';
import type { ResolvedRecipe } from '../../protocol/recipe';
import type { Tokenizer } from '../../tokenization/tokenizer';

type Masking = NonNullable<ResolvedRecipe['train']['masking']>;

export interface CorpusEncoding {
  readonly encode: (sentence: string) => EncodedText;
  readonly icu: string | null;
  /** A key of the terms and of whether words are masked whole. */
  readonly key: string;
}

/** Words are found where they are masked whole: it takes three times as long. */
export async function corpusEncoding(
  { whole_word, terms: file }: Pick<Masking, 'whole_word' | 'terms'>,
  tokenizer: Tokenizer,
  log: (line: string) => void,
): Promise<CorpusEncoding> {
  if (!whole_word) {
    const encode = (text: string): EncodedText => {
      const ids = tokenizer.ids(text);
      return { ids, wordStarts: new Uint8Array(ids.length).fill(1) };
    };
    return { encode, icu: null, key: 'tokens' };
  }
  const terms = file === null ? [] : readTerms(await readTextFile(file), file);
  if (file !== null) log(`${terms.length} terms of ${basename(file)} are masked whole`);
  const boundaries = new WordBoundaries(terms);
  const encode = (text: string): EncodedText => {
    const { ids, starts, ends } = tokenizer.idsWithOffsets(text);
    const begins = boundaries.of(text);
    // A token of no character goes on with the word before it.
    const wordStarts = starts.map((start, at) => (ends[at] > start ? begins[start] : 0));
    return { ids, wordStarts };
  };
  return {
    encode,
    icu: process.versions.icu ?? null,
    key: createHash('sha256').update(terms.join('\n')).digest('hex'),
  };
}
