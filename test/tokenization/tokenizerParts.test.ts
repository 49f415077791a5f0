/** Each normaliser, pre-tokeniser and class of characters over every Unicode code point, against Python's `tokenizers`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { originalText } from '../../src/tokenization/alignedText';
import { readNormalizer } from '../../src/tokenization/normalizers';
import { readPreTokenizer } from '../../src/tokenization/preTokenizers';
import { compilePattern } from '../../src/tokenization/splitPattern';
import { FIXTURES, withCharsmaps } from './charsmaps';

/** Made by make.py beside it. */
const reference = JSON.parse(readFileSync(join(FIXTURES, 'reference.json'), 'utf8')) as {
  block: number;
  normalizers: Record<string, { json: object; digests: string }>;
  preTokenizers: Record<string, { json: object; digests: string }>;
  classes: Record<string, string>;
};
function* texts(block: number): Generator<string> {
  const points = Array.from({ length: reference.block }, (_, i) => block + i).filter((c) => c < 0xd800 || c > 0xdfff);
  const characters = points.map((point) => String.fromCodePoint(point));
  if ([0, 1, 14].includes(block >> 16)) {
    for (const c of characters) yield `${c}a${c}b 1${c}${c} e${c}\u0301か${c}©\u200d${c}'${c}`;
  } else {
    for (let i = 0; i < characters.length; i += 256) yield characters.slice(i, i + 256).join('a');
  }
}

/** The blocks whose outputs differ from Python's. */
function differingBlocks(digests: string, output: (text: string) => string): string[] {
  return digests.split(' ').flatMap((expected, i) => {
    const hash = createHash('sha256');
    for (const text of texts(i * reference.block)) hash.update(`${output(text)}\n`);
    return hash.digest('hex').slice(0, 10) === expected ? [] : [(i * reference.block).toString(16)];
  });
}

describe('normalisers equal those of Python', () => {
  for (const [name, { json, digests }] of Object.entries(reference.normalizers)) {
    it(name, () => {
      const normalize = readNormalizer(withCharsmaps(json), 'fixture');
      assert.deepEqual(
        differingBlocks(digests, (text) => normalize({ text }).text),
        [],
      );
    });
  }
});

describe('pre-tokenisers equal those of Python', () => {
  for (const [name, { json, digests }] of Object.entries(reference.preTokenizers)) {
    it(name, () => {
      const { split, needsOrigin } = readPreTokenizer(json, 'fixture');
      const pieces = (text: string) => split([originalText(text, needsOrigin)]).map((piece) => piece.text);
      assert.deepEqual(
        differingBlocks(digests, (text) => pieces(text).join('\0')),
        [],
      );
    });
  }
});

describe('classes of characters in patterns equal those of Python', () => {
  let everyCharacter = '';
  before(() => {
    for (let point = 0; point < 0x110000; point++) {
      if (point < 0xd800 || point > 0xdfff) everyCharacter += String.fromCodePoint(point);
    }
  });
  for (const [name, digest] of Object.entries(reference.classes)) {
    it(`\\p{${name}}`, () => {
      const pattern = compilePattern(`\\p{${name}}`, { place: 'fixture', where: 'fixture' });
      const matching = pattern(everyCharacter).flatMap(({ from, matched }) =>
        matched ? [everyCharacter.codePointAt(from)!] : [],
      );
      assert.equal(createHash('sha256').update(matching.join(' ')).digest('hex').slice(0, 10), digest);
    });
  }
});
