import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLEAN_OPERATIONS, cleanAligned, cleanText, type CleanOperation } from '../../src/base/cleanText';

const { cases, entities } = JSON.parse(readFileSync(join(__dirname, '../fixtures/cleaning/cleaned.json'), 'utf8')) as {
  cases: { text: string; operations: CleanOperation[]; cleaned: string }[];
  entities: Record<string, string>;
};

describe('cleaning of texts', () => {
  it("gives what Python's html.unescape, translate, re and strip give", () => {
    for (const { text, operations, cleaned } of cases) {
      assert.equal(cleanText(text, operations), cleaned, `${operations.join()} of ${JSON.stringify(text)}`);
      assert.equal(cleanAligned(text, operations).text, cleaned);
    }
    for (const [name, character] of Object.entries(entities)) assert.equal(cleanText(`&${name};`, ['html_entities']), character); // prettier-ignore
    assert.equal(cleanText('&#0;&#xD800;&#9999999;', ['html_entities']), '&#0;&#xD800;&#9999999;', 'no characters');
  });

  it('knows where every character comes from', () => {
    const all = [...CLEAN_OPERATIONS];
    const text = '　高\u200b血压 &gt; １４０　\n';
    const { text: cleaned, original } = cleanAligned(text, all);
    assert.equal(cleaned, '高血压 > 140');
    const originally = (part: string) => {
      const at = cleaned.indexOf(part);
      const { start, end } = original(at, at + part.length);
      return text.slice(start, end);
    };
    assert.equal(originally('高血压'), '高\u200b血压');
    assert.equal(originally('>'), '&gt;');
    assert.equal(originally('140'), '１４０');
    assert.equal(originally(cleaned), '高\u200b血压 &gt; １４０');
    assert.deepEqual(original(3, 3), { start: 5, end: 5 });
    assert.deepEqual(original(cleaned.length, cleaned.length), { start: text.length, end: text.length });
    for (const { text, operations } of cases) {
      const { text: cleaned, original } = cleanAligned(text, operations);
      let before = 0;
      for (let at = 0; at < cleaned.length; at++) {
        const { start, end } = original(at, at + 1);
        assert.ok(start >= before || cleaned.length > text.length, 'ranges never go backwards');
        assert.ok(end > start && end <= text.length);
        before = start;
      }
    }
  });

  it('keeps the joiners of emoji and of joined letters', () => {
    for (const text of ['👩\u200d⚕️', 'می\u200cخواهم', 'क्\u200dष']) assert.equal(cleanText(text, ['zero_width']), text);
    assert.equal(cleanText('头\u200d痛\u200c3\u200d天', ['zero_width']), '头痛3天');
  });

  it('takes the white space that the documentation lists, and no other character', () => {
    const [listed, inChinese] = ['en', 'zh-cn'].map((language) => {
      const text = readFileSync(join(__dirname, `../../docs/${language}/data.md`), 'utf8');
      const [sentence] = /(?<=^(?:White space is these characters: |空白指这些字符：)).*?(?=\. |。)/m.exec(text)!;
      const codes = new Set<number>();
      for (const [, from, to = from] of sentence.matchAll(/U\+([0-9A-F]{4})(?: (?:to|至) U\+([0-9A-F]{4}))?/g))
        for (let code = parseInt(from, 16); code <= parseInt(to, 16); code++) codes.add(code);
      return codes;
    });
    assert.equal(listed.size, 25);
    assert.deepEqual(inChinese, listed);
    for (let code = 0; code < 0x10000; code++) {
      const character = String.fromCharCode(code);
      const isSpace = cleanText(character, ['whitespace']) === ' ';
      const isTrimmed = cleanText(`${character}a${character}`, ['trim']) === 'a';
      if (isSpace !== listed.has(code) || isTrimmed !== listed.has(code)) assert.fail(`U+${code.toString(16)}`);
    }
  }).timeout(20_000);

  it('takes time by the length alone', () => {
    const long = `x${' '.repeat(400_000)}x${'&'.repeat(200_000)}${'\u200b'.repeat(100_000)}`;
    const began = performance.now();
    cleanAligned(long, [...CLEAN_OPERATIONS]);
    assert.ok(performance.now() - began < 5000);
  });
});
