/** Entities as tags of tokens and back, over texts of any length. */
import assert from 'node:assert/strict';
import { RandomStream } from '../../../src/base/random';
import { flatEntities, type Entity } from '../../../src/data/entities/entity';
import { decodeTags, encodeTags, NO_TAG, tagNames, tagSetOf } from '../../../src/tasks/entities/tagging';
import { windowsOf } from '../../../src/tasks/entities/windows';
import { loadTokenizer } from '../../../src/tokenization/tokenizer';

const VOCABULARY = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...'糖尿病肺炎左上叶示查患者有无阿莫西林abcdefg0123456789。，',
  'hbsag',
  '##ab',
  'ct',
  '##1',
];
const tokenizer = loadTokenizer({ vocabTxt: VOCABULARY.join('\n'), tokenizerConfig: { do_lower_case: true } }, 'test');
const TYPES = ['dis', 'bod'];
const SET = tagSetOf(tagNames(TYPES), 'test');

const placesOf = (text: string) => windowsOf(tokenizer, text, 512);
const certain = (length: number) => new Float32Array(length).fill(1);
const entity = (text: string, part: string, type = 'dis'): Entity => ({
  start: text.indexOf(part),
  end: text.indexOf(part) + part.length,
  type,
});

describe('entities as tags of tokens', () => {
  it('come back as they were, beside full-width, astral and unknown characters', () => {
    const text = '患者有２型糖尿病，😀，ＣＴ示左肺上叶\r\n炎。';
    const places = placesOf(text);
    const entities = [
      entity(text, '２型糖尿病'),
      entity(text, '😀'),
      entity(text, 'ＣＴ', 'bod'),
      entity(text, '左肺上叶', 'bod'),
    ];
    const { columns, straddling, unspelled } = encodeTags(entities, places, SET);
    assert.deepEqual([straddling, unspelled], [0, []]);
    const decoded = decodeTags(columns, certain(columns.length), places, SET);
    assert.deepEqual(
      decoded.entities.map(({ probability, ...one }) => (assert.equal(probability, 1), one)),
      entities,
    );
    assert.deepEqual(decoded.lenient, entities);
    assert.equal(decoded.illegal, 0);
  });

  it('are counted where an edge lies within a token', () => {
    const text = '查hbsagab，糖尿病';
    const places = placesOf(text);
    const inside = { start: 1, end: 4, type: 'dis' };
    const { columns, straddling, unspelled } = encodeTags([inside, entity(text, '尿病')], places, SET);
    assert.deepEqual([straddling, unspelled], [1, [inside]]);
    // The token that it begins in is tagged: another entity than the one that was meant.
    assert.deepEqual(decodeTags(columns, certain(columns.length), places, SET).entities[0], {
      start: 1,
      end: 6,
      type: 'dis',
      probability: 1,
    });
    // Two entities in one token: the one with more of its characters has it.
    const two = encodeTags(
      [
        { start: 1, end: 3, type: 'bod' },
        { start: 3, end: 6, type: 'dis' },
      ],
      places,
      SET,
    );
    assert.equal(two.unspelled.length, 2);
    assert.deepEqual([...two.columns.slice(0, 3)], [0, 1, 0]);
  });

  it('of any flat entities of any text are the same, or counted as not spelled', () => {
    const random = new RandomStream(7);
    const parts = ['糖', '尿', '病', 'ct', 'HBsAg', ' ', '😀', '，', '\n', 'Ａ', '１', 'é', '\u200b'];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 1 + random.integer(30) }, () => parts[random.integer(parts.length)]).join('');
      const drawn = Array.from({ length: 5 }, () => {
        const start = random.integer(text.length);
        return { start, end: Math.min(text.length, start + 1 + random.integer(5)), type: TYPES[random.integer(2)] };
      });
      const { kept } = flatEntities(drawn);
      const places = placesOf(text);
      const { columns, unspelled } = encodeTags(kept, places, SET);
      const { entities, illegal } = decodeTags(columns, certain(columns.length), places, SET);
      assert.equal(illegal, 0);
      const spelled = kept.filter((one) => !unspelled.includes(one));
      const shown = (one: Entity) => `${one.start}-${one.end} ${one.type}`;
      for (const one of spelled)
        assert.ok(
          entities.some((found) => shown(found) === shown(one)),
          `${JSON.stringify(text)} ${shown(one)}`,
        );
    }
  });

  it('are read strictly: an I without its B spells no entity, a lenient reading finds one', () => {
    const text = '糖尿病肺炎';
    const places = placesOf(text);
    const tags = ['I-dis', 'I-dis', 'O', 'B-dis', 'I-bod'].map((tag) => tagNames(TYPES).indexOf(tag));
    const { entities, lenient, illegal } = decodeTags(tags, [0.5, 0.5, 0.5, 0.9, 0.5], places, SET);
    assert.deepEqual(entities, [{ start: 3, end: 4, type: 'dis', probability: 0.9 }]);
    assert.deepEqual(
      lenient.map(({ start, end, type }) => `${text.slice(start, end)} ${type}`),
      ['糖尿 dis', '肺 dis', '炎 bod'],
    );
    assert.equal(illegal, 2);
  });

  it('of models from elsewhere are understood in their own order and scheme', () => {
    const bioes = tagSetOf(['S-x', 'B-x', 'E-x', 'I-x', 'O'], 'test');
    assert.deepEqual([bioes.scheme, bioes.types], ['IOBES', ['x']]);
    const text = '糖尿病，肺';
    const places = placesOf(text);
    const own = [
      { start: 0, end: 3, type: 'x' },
      { start: 4, end: 5, type: 'x' },
    ];
    const { columns } = encodeTags(own, places, bioes);
    assert.deepEqual([...columns], [1, 3, 2, 4, 0]);
    assert.deepEqual(decodeTags(columns, certain(5), places, bioes).lenient, own);
    assert.equal(tagSetOf(['O', 'I-x'], 'test').scheme, 'IOB1');
    assert.throws(
      () => tagSetOf(['NEGATIVE', 'POSITIVE'], 'models/a'),
      /models\/a: the label "NEGATIVE" .* is not a tag/,
    );
    assert.throws(() => tagSetOf(['B-x', 'I-x'], 'models/a'), /none of the labels/);
  });
});

describe('windows of a text', () => {
  const text = Array.from({ length: 103 }, (_, i) => '糖尿病肺炎左上叶'[i % 8]).join('');
  const whole = tokenizer.encodePair(text, undefined, 1000);

  it('hold all of it, speak for every token once, and are full', () => {
    for (const maxLength of [3, 4, 10, 33, 64, 104, 105, 512]) {
      const { starts, ends, windows } = windowsOf(tokenizer, text, maxLength);
      assert.deepEqual(
        [...starts],
        Array.from({ length: 103 }, (_, i) => i),
      );
      assert.deepEqual(
        [...ends],
        Array.from({ length: 103 }, (_, i) => i + 1),
      );
      let owned = 0;
      for (const [at, window] of windows.entries()) {
        const { encoded, lead, first, end, ownedFirst, ownedEnd } = window;
        assert.equal(encoded.length, Math.min(maxLength, 105));
        assert.deepEqual(
          [...encoded.inputIds],
          [...whole.inputIds.slice(0, 1), ...whole.inputIds.slice(first + 1, end + 1), ...whole.inputIds.slice(-1)],
        );
        assert.deepEqual([lead, ownedFirst], [1, owned]);
        assert.ok(ownedFirst >= first && ownedEnd <= end && ownedEnd > ownedFirst);
        // In the deeper half of what is shared.
        if (at > 0 && maxLength > 8) assert.ok(ownedFirst > first);
        owned = ownedEnd;
      }
      assert.equal(owned, 103);
    }
    assert.equal(windowsOf(tokenizer, text, 105).windows.length, 1);
    assert.throws(() => windowsOf(tokenizer, text, 2), { code: 'TOKENIZER' });
  });

  it('of nothing is one of special tokens', () => {
    for (const empty of ['', ' \n']) {
      const { windows, starts } = windowsOf(tokenizer, empty, 16);
      assert.deepEqual([windows.length, windows[0].encoded.length, starts.length], [1, 2, 0]);
    }
  });

  it('leave nothing of an entity out wherever it lies', () => {
    const { windows, starts, ends } = windowsOf(tokenizer, text, 20);
    for (let start = 0; start < 100; start++) {
      const own = [{ start, end: start + 3, type: 'dis' }];
      const { columns } = encodeTags(own, { starts, ends }, SET);
      const read = new Int32Array(starts.length).fill(NO_TAG);
      for (const { ownedFirst, ownedEnd } of windows) read.set(columns.subarray(ownedFirst, ownedEnd), ownedFirst);
      assert.deepEqual(decodeTags(read, certain(103), { starts, ends }, SET).lenient, own);
    }
  });
});
