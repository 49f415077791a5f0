/** KUAKE-QQR, where it lies, and its vocabulary. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import { loadTokenizer, type Tokenizer } from '../../src/tokenization/tokenizer';

export const pairOptions = {
  data: { type: 'string', default: '../shared/data/cblue/KUAKE-QQR' },
  vocab: { type: 'string', default: '../shared/data/tokenizers/structbert/ch_vocab.txt' },
} as const;

export interface PairFiles {
  readonly train: string;
  readonly validation: string;
  readonly vocab: string;
}

/** @throws when a file is not there, saying which option names it */
export function pairFiles({ data, vocab }: { data: string; vocab: string }): PairFiles {
  const files = {
    train: join(data, 'KUAKE-QQR_train.json'),
    validation: join(data, 'KUAKE-QQR_dev.json'),
    vocab,
  };
  for (const [name, file] of Object.entries(files)) {
    if (existsSync(file)) continue;
    const option = name === 'vocab' ? '--vocab FILE (a BERT vocab.txt)' : '--data FOLDER (of KUAKE-QQR)';
    throw new Error(`${file} is not there; name it with ${option}.`);
  }
  return files;
}

export function readPairs(file: string) {
  return readRecipeSplit(
    { file, first_sequence: 'query1', second_sequence: 'query2', label: 'label', label_mapping: { NA: null } },
    'sentence-similarity',
  );
}

export function bertTokenizer(vocab: string): Tokenizer {
  return loadTokenizer({ vocabTxt: readFileSync(vocab, 'utf8') }, vocab);
}
