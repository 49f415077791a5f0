/** Tags against seqeval: test/fixtures/entities/makeTags.py. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTag, schemeOf, spansOfTags, type Tag, type TagScheme } from '../../../src/data/entities/tagSchemes';

type Triple = [start: number, end: number, type: string];

const cases = JSON.parse(readFileSync(join(__dirname, '../../fixtures/entities/tags.json'), 'utf8')) as {
  scheme: TagScheme;
  tags: string;
  strict: Triple[];
  lenient?: Triple[];
}[];

const tagsOf = (text: string): Tag[] => text.split(' ').map((tag) => parseTag(tag, 'prefix')!);
const triples = (spans: readonly { start: number; end: number; type: string }[]) =>
  spans.map(({ start, end, type }): Triple => [start, end, type]);

describe('tags of a sequence', () => {
  it('spell the entities that seqeval finds strictly, those without an illegal tag', () => {
    let compared = 0;
    for (const { scheme, tags, strict } of cases) {
      const { spans, illegal } = spansOfTags(tagsOf(tags), scheme);
      // Of illegal IOB1 seqeval's patterns leave some ends out: (B, B) of another type.
      if (scheme === 'IOB1' && illegal.length > 0) continue;
      compared++;
      assert.deepEqual(triples(spans.filter(({ isLegal }) => isLegal)), strict, `${scheme}: ${tags}`);
      assert.equal(illegal.length > 0, spans.some(({ isLegal }) => !isLegal), `${scheme}: ${tags}`); // prettier-ignore
    }
    assert.ok(compared > 650);
  });

  it('of IOB2 that are not legal are read as conlleval reads them', () => {
    for (const { scheme, tags, lenient } of cases) {
      if (lenient) assert.deepEqual(triples(spansOfTags(tagsOf(tags), scheme).spans), lenient, tags);
    }
  });

  it('have a scheme, where it is told apart', () => {
    const of = (...sequences: string[]) => schemeOf(sequences.map(tagsOf));
    assert.equal(of('B-X I-X O', 'O B-Y'), 'IOB2');
    assert.equal(of('I-X I-X O I-Y B-Y'), 'IOB1');
    assert.equal(of('I-X I-X O I-Y I-X'), 'IOB1');
    assert.equal(of('B-X E-X O S-Y'), 'IOBES');
    assert.equal(of('O O'), undefined);
    // Begins entities with both letters: read as IOB2, of which the I is no legal tag.
    assert.equal(of('B-X O I-X'), 'IOB2');
    assert.deepEqual(spansOfTags(tagsOf('B-X O I-X'), 'IOB2').illegal, [{ at: 2, tag: { prefix: 'I', type: 'X' } }]);
  });

  it('are written in several ways', () => {
    assert.deepEqual(parseTag('B-疾病', 'prefix'), { prefix: 'B', type: '疾病' });
    assert.deepEqual(parseTag('M_a-b', 'prefix'), { prefix: 'I', type: 'a-b' });
    assert.deepEqual(parseTag('CHECK-B', 'suffix'), { prefix: 'B', type: 'CHECK' });
    assert.deepEqual(['L-x', 'U-x', 'W-x', 'E-x'].map((tag) => parseTag(tag, 'prefix')!.prefix).join(''), 'ESSE');
    assert.equal(parseTag('disease', 'prefix'), undefined);
    assert.equal(parseTag('B-', 'prefix'), undefined);
  });
});
