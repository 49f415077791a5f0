/** What of Oniguruma's regular expressions is understood, and what is refused by name. */
import assert from 'node:assert/strict';
import { MedTextError } from '../../src/base/errors';
import { compilePattern } from '../../src/tokenization/splitPattern';

const place = { place: 'pre_tokenizer.pattern', where: 'models/odd' };
const matches = (pattern: string, text: string) =>
  compilePattern(pattern, place)(text).flatMap(({ from, to, matched }) => (matched ? [text.slice(from, to)] : []));

/** Pattern, text, and what Python's `tokenizers` finds: `Split(Regex(pattern), 'removed', invert=True)`. */
const FOUND: readonly [string, string, string[]][] = [
  ['a|b', 'cab', ['a', 'b']],
  ['^b', 'a\nb', ['b']],
  ['a$', 'a\nb', ['a']],
  ['.+', 'a\nb', ['a', 'b']],
  ['(?m:.+)', 'a\nb', ['a\nb']],
  ['(?i)K+', 'kK\u212a', ['kK\u212a']],
  ["(?i:'s)", "'S'\u017f", ["'S", "'\u017f"]],
  ['a{2}', 'aaaaa', ['aa', 'aa']],
  ['a{,2}b', 'aaab', ['aab']],
  ['a++b|a', 'aaab', ['aaab']],
  ['a++a', 'aaa', []],
  ['(?>a|ab)c', 'abc', []],
  ['(?:a{2}){2}', 'aaaa', ['aaaa']],
  ['[^\\W\\d_]+', 'ab1_糖', ['ab', '糖']],
  ['[a-c&&[^b]]+', 'abc', ['a', 'c']],
  ['[[:digit:]-]+', '1-2a', ['1-2']],
  ['\\x{1F600}|\\u7cd6', '😀糖', ['😀', '糖']],
  ['\\h+', 'fF0g', ['fF0']],
  ['\\A糖|病\\z', '糖病糖病', ['糖', '病']],
  ['(?<=糖)尿(?!病)', '糖尿糖尿病', ['尿']],
  ['\\R', 'a\r\nb\n', ['\r\n', '\n']],
  ['\\p{^L}', 'a1', ['1']],
  ['\\P{Han}', '糖a', ['a']],
  ['(?<word>糖)+', '糖糖', ['糖糖']],
];

const REFUSED: readonly [string, RegExp][] = [
  ['(a)\\1', /\\1/],
  ['\\g<x>', /\\g/],
  ['\\X', /\\X/],
  ['\\p{Surprise}', /\\p\{Surprise\}/],
  ['(?~a)', /the group \(\?~a/],
  ['(a', /a group that does not end/],
  ['a)', /unmatched \)/],
  ['[a', /a class that does not end/],
  ['*a', /without anything to repeat/],
  ['a\\', /a backslash at the end/],
];

describe('regular expressions of a tokenizer.json', () => {
  for (const [pattern, text, found] of FOUND) {
    it(`${pattern} in ${JSON.stringify(text)}`, () => assert.deepEqual(matches(pattern, text), found));
  }

  for (const [pattern, named] of REFUSED) {
    it(`${pattern} is refused by name`, () => {
      assert.throws(
        () => compilePattern(pattern, place),
        (error: unknown) => {
          assert.ok(error instanceof MedTextError);
          assert.equal(error.code, 'UNSUPPORTED');
          assert.match(error.message, named);
          assert.match(error.message, /models\/odd.*pre_tokenizer\.pattern/);
          return true;
        },
      );
    });
  }
});
