import assert from 'node:assert/strict';
import type { MedTextError } from '../../src/base/errors';
import { count, listOf, nullable, number, object, oneOf, recordOf, text } from '../../src/protocol/check';

const person = object({ name: text, tags: listOf(text) }, { age: count });

describe('message checks', () => {
  const accepted: [string, () => unknown][] = [
    ['required fields alone', () => person({ name: 'a', tags: [] })],
    ['optional fields', () => person({ name: 'a', tags: ['x'], age: 3 })],
    ['fields it does not know', () => person({ name: 'a', tags: [], later: true })],
    ['a diverged loss', () => number(Number.NaN)],
    ['null where it may be', () => nullable(text)(null)],
  ];
  for (const [what, check] of accepted) it(`accept ${what}`, () => void check());

  const refused: [string, () => unknown, RegExp][] = [
    ['a missing field', () => person({ tags: [] }), /message\.name must be a string, got undefined/],
    ['a wrong optional', () => person({ name: 'a', tags: [], age: -1 }), /message\.age must be a non-negative integer/],
    ['a wrong entry', () => person({ name: 'a', tags: ['x', 1] }), /message\.tags\[1\] must be a string/],
    ['a list for an object', () => person([]), /must be an object, got a list/],
    ['null', () => person(null), /got null/],
    ['another choice', () => oneOf('a', 'b')('c'), /one of a, b/],
    ['a wrong value in a record', () => recordOf(number)({ x: '1' }, 'p'), /p\.x must be a number/],
  ];
  for (const [what, check, message] of refused) {
    it(`refuse ${what}, naming the path`, () =>
      assert.throws(check, (error: MedTextError) => error.code === 'PROTOCOL' && message.test(error.message)));
  }
});
