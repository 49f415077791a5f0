import assert from 'node:assert/strict';
import {
  changeBetween,
  treeOf,
  withFields,
  withKeyRenamed,
  withList,
} from '../../../src/extension/labelMapping/jsonText';

const fields = (entries: Record<string, any>) => new Map(Object.entries(entries));

describe('changes to JSON text', () => {
  for (const [name, before, path, changes, after] of [
    ['one line stays one line', '{ "m": { "NA": null } }', ['m'], { x: '0' }, '{ "m": { "NA": null, "x": "0" } }'],
    ['dense stays dense', '{"m":{"NA":null}}', ['m'], { NA: '1' }, '{"m":{"NA":"1"}}'],
    [
      'lines stay lines',
      '{\n  "m": {\n    "a": null\n  }\n}\n',
      ['m'],
      { b: '0' },
      '{\n  "m": {\n    "a": null,\n    "b": "0"\n  }\n}\n',
    ],
    [
      'line ends stay',
      '{\r\n\t"m": {\r\n\t\t"a": 1\r\n\t}\r\n}',
      ['m'],
      { b: 2 },
      '{\r\n\t"m": {\r\n\t\t"a": 1,\r\n\t\t"b": 2\r\n\t}\r\n}',
    ],
    ['the first goes', '{ "m": { "a": 1, "b": 2 } }', ['m'], { a: undefined }, '{ "m": { "b": 2 } }'],
    [
      'the last goes',
      '{\n  "m": {\n    "a": 1,\n    "b": 2\n  }\n}',
      ['m'],
      { b: undefined },
      '{\n  "m": {\n    "a": 1\n  }\n}',
    ],
    ['an empty object goes', '{\n  "f": 1,\n  "m": { "a": 1 }\n}', ['m'], { a: undefined }, '{\n  "f": 1\n}'],
    ['an absent object comes', '{\n  "f": 1\n}', ['m'], { a: null }, '{\n  "f": 1,\n  "m": { "a": null }\n}'],
    [
      'with several fields on lines',
      '{\n  "f": 1\n}',
      ['m'],
      { a: 1, b: 2 },
      '{\n  "f": 1,\n  "m": {\n    "a": 1,\n    "b": 2\n  }\n}',
    ],
    ['parents come too', '{}', ['a', 'b'], { c: 1 }, '{ "a": { "b": { "c": 1 } } }'],
    ['what is not there is not taken out', '{ "f": 1 }', ['m'], { a: undefined }, '{ "f": 1 }'],
    [
      'comments stay',
      '{\n  "m": {\n    // why\n    "a": 1, // so\n    "b": 2\n  }\n}',
      ['m'],
      { a: 3 },
      '{\n  "m": {\n    // why\n    "a": 3, // so\n    "b": 2\n  }\n}',
    ],
    ['a trailing comma stays', '{ "m": { "a": 1, } }', ['m'], { a: 2 }, '{ "m": { "a": 2, } }'],
    [
      'a key of JavaScript objects is a key',
      '{ "m": { "a": 1 } }',
      ['m'],
      { ['__proto__x']: 1 },
      '{ "m": { "a": 1, "__proto__x": 1 } }',
    ],
    ['a key said twice is said once', '{ "m": { "a": 1, "a": 2 } }', ['m'], { a: 3 }, '{ "m": { "a": 3 } }'],
  ] as const) {
    // prettier-ignore
    it(name, () => assert.equal(withFields(before, [...path], fields(changes)), after));
  }

  it('a key named __proto__ is one like any other', () => {
    assert.equal(withFields('{ "m": { "a": 1 } }', ['m'], new Map([['__proto__', 'b']])), '{ "m": { "a": 1, "__proto__": "b" } }'); // prettier-ignore
  });

  for (const [name, before, items, after] of [
    ['an item comes', '{ "l": ["a", "b"] }', ['a', 'b', 'c'], '{ "l": ["a", "b", "c"] }'],
    [
      'on a line of its own',
      '{\n "l": [\n  "a",\n  "b"\n ]\n}',
      ['a', 'b', 'c'],
      '{\n "l": [\n  "a",\n  "b",\n  "c"\n ]\n}',
    ],
    ['one goes', '{ "l": ["a", "b", "c"] }', ['a', 'c'], '{ "l": ["a", "c"] }'],
    ['all go', '{ "l": ["a", "b"] }', [], '{ "l": [] }'],
    ['they change places', '{ "l": [ 0, 1, "x" ] }', ['x', '0', '1'], '{ "l": [ "x", 0, 1 ] }'],
    ['one is renamed, numbers stay numbers', '{ "l": [0, 1] }', ['0', 'one'], '{ "l": [0, "one"] }'],
    ['a list comes', '{ "f": 1 }', ['a', 'b'], '{ "f": 1, "l": ["a", "b"] }'],
    ['into an empty list', '{ "l": [] }', ['a', 'b'], '{ "l": ["a", "b"] }'],
  ] as const) {
    // prettier-ignore
    it(`lists: ${name}`, () => assert.equal(withList(before, ['l'], items), after));
  }

  it('a field is renamed in its place', () => {
    assert.equal(withKeyRenamed('{ "a": 1, "b": 2 }', [], 'a', '甲"'), '{ "甲\\"": 1, "b": 2 }');
    assert.equal(withKeyRenamed('{ "a": 1 }', ['m'], 'a', 'b'), '{ "a": 1 }');
  });

  it('one replacement leads from one text to the other and cuts no character', () => {
    for (const [before, after] of [
      ['abc', 'abc'],
      ['{"a":1}', '{"a":12}'],
      ['😀', '😁'],
      ['x𠮷y', 'x𠮸y'],
      ['a\r\nb', 'a\r\n\r\nb'],
      ['', 'x'],
      ['x', ''],
      ['aa', 'aaa'],
    ]) {
      const change = changeBetween(before, after);
      if (!change) {
        assert.equal(before, after);
        continue;
      }
      const { offset, length, content } = change;
      assert.equal(before.slice(0, offset) + content + before.slice(offset + length), after);
      assert.doesNotMatch(content, /^[\udc00-\udfff]|[\ud800-\udbff]$/);
    }
  });

  it('what is no JSON object is refused, with the line', () => {
    for (const text of ['', '[]', '3', '{\n"a": \n}', '['.repeat(100_000)]) {
      assert.throws(() => treeOf(text), { code: 'RECIPE' });
    }
    assert.throws(() => treeOf('{\n"a": \n}'), /line 3/);
  });
});
