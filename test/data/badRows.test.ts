import assert from 'node:assert/strict';
import type { MedTextError } from '../../src/base/errors';
import { untranslated, type Translate } from '../../src/base/translate';
import { translated, wordsFrom, type Words } from '../../src/base/words';
import { openDataFile } from '../../src/data/dataFile';
import type { Piece } from '../../src/data/dataRow';
import { readDelimited } from '../../src/data/delimitedReader';
import { readExamples } from '../../src/data/examples';
import { readJsonArray } from '../../src/data/jsonArrayReader';
import { readJsonLines } from '../../src/data/lineReader';
import { isUnreadable } from '../../src/preview/rowStore';
import { SpooledRowStore } from '../../src/preview/spooledRowStore';
import { errorText } from '../../src/protocol/errorWords';
import bundle from '../../l10n/bundle.l10n.zh-cn.json';
import { zip } from '../gpuRuntime/support/wheels';
import { collect, inChunks, readAll, temporaryFolder } from './support';

const chinese: Translate = (message, ...values) =>
  untranslated((bundle as Record<string, string>)[message] ?? message, ...values);

/** As it is after a process border or in a file. */
const crossed = (said: Words): Words => wordsFrom(JSON.parse(JSON.stringify(said)))!;

function reasonsOf(pieces: readonly Piece[]): Words[] {
  return pieces.flatMap((piece) => (piece.kind === 'bad' ? [piece.reason] : []));
}

describe('reasons of bad rows', () => {
  const temporary = temporaryFolder();
  const layout = { columns: ['a', 'b'], header: false, delimiter: ',', quoted: true };
  const csv = (text: string) => collect(readDelimited(inChunks(text, text.length), 20, layout));
  const json = (text: string) => collect(readJsonArray(inChunks(text, text.length), 40));
  const lines = (text: string) => collect(readJsonLines(inChunks(text, text.length), 20));

  const rows: [pieces: () => Promise<Piece[]>, english: string, chinese: string][] = [
    [() => csv('1,2\n3\n'), '2 fields are expected, 1 found', '应有 2 个字段，实际有 1 个'],
    [() => csv('1,"2\n3,4\n'), 'a quote is not closed', '有引号未闭合'],
    [() => csv('1,"2\n3"4\n'), 'a quoted field continues after its closing quote', '带引号的字段在右引号之后还有内容'],
    [() => csv(`${'1'.repeat(30)},2\n`), 'the row is longer than 20 characters (is a quote not closed?)', '此行超过 20 个字符（是否有引号未闭合？）'], // prettier-ignore
    [() => csv('1,\udc80\n'), 'bytes that are not valid in the file’s encoding', '有不符合文件编码的字节'],
    [() => lines(`{"a": "${'1'.repeat(30)}"}\n`), 'the line is longer than 20 characters', '此行超过 20 个字符'],
    [() => lines('{"a" 1}\n'), "not valid JSON: Expected ':' after property name", "不是有效的 JSON：Expected ':' after property name"], // prettier-ignore
    [() => lines('3\n'), 'a record (a JSON object or array) is expected here', '此处应为一条记录（JSON 对象或数组）'],
    [() => json('[{"a": 1}'), 'the file ends before the ] that closes the array', '文件在结束数组的 ] 之前就结束了'],
    [() => json('[] more'), 'there is text after the ] that closes the array', '结束数组的 ] 之后还有文本'],
    [() => json('[{"a": 1},]'), 'there is a comma before the ] that closes the array', '结束数组的 ] 之前多了一个逗号'],
    [() => json('[,{"a": 1}]'), 'there is a comma where an element is expected', '应为元素之处是逗号'],
    [() => json('[{"a": 1} {"a": 2}]'), 'a comma is missing before this element', '此元素之前缺少逗号'],
    [() => json('[\n{"a": 1},\n{"a":\n "x\n},\n{"a": 3}\n]'), 'a string is not closed before the end of its line (line 4)', '字符串在行尾之前没有闭合（第 4 行）'], // prettier-ignore
    [
      () => json(`[\n{"a": "${'1'.repeat(50)}"}\n]`),
      'the element is longer than 40 characters',
      '此元素超过 40 个字符',
    ],
    [() => json('[\n{"a": "x'), 'the file ends inside a string', '文件在字符串中间结束'],
    [() => json('[\n{"a": 1'), 'the file ends inside this element', '文件在此元素中间结束'],
    [
      () => json('[\n{"a": 1 {"b": 2}}\n]'),
      'a bracket is not closed before the next {',
      '有括号在下一个 { 之前没有闭合',
    ],
    [() => json('[\n{"a": 1]\n]'), '] closes nothing that is open', '] 没有对应的左括号'],
    [
      () => json('[{"a":[{"b":1}]},{"a":[{"b":1}}]'),
      '} closes nothing that is open; the start of the next element cannot be found, so the rest of the file is not read',
      '} 没有对应的左括号；无法判断下一个元素从何处开始，因此文件的其余部分不再读取',
    ],
  ];

  for (const [pieces, english, expected] of rows) {
    it(english, async () => {
      const [reason] = reasonsOf(await pieces());
      assert.equal(String(reason), english);
      assert.equal(translated(crossed(reason), chinese), expected);
    });
  }

  it('stop a training in the language of the editor', async () => {
    const path = temporary.file('bad.jsonl', '{"text": "a", "label": "x"}\n{"text": " ", "label": "x"}\n');
    const fields = { firstSequence: 'text', label: 'label' };
    const error = await readExamples(path, fields, 'text-classification').then(() => assert.fail(), (caught: MedTextError) => caught); // prettier-ignore
    assert.equal(
      errorText(error, chinese),
      `${path} 第 2 行：first_sequence（列 "text"）为空：{"text":" ","label":"x"}。请改正该行，或选择跳过坏行。`,
    );
    assert.deepEqual(
      { ...error.detail },
      {
        file: path,
        line: 2,
        reason: 'first_sequence (column "text") is empty',
        excerpt: '{"text":" ","label":"x"}',
        count: 1,
      },
    );
  });

  it('are told all at once, as many as a person reads', async () => {
    const fields = { firstSequence: 'text', label: 'label' };
    const rows = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? `头痛${i},x` : ` ,x`));
    const path = temporary.file('many.csv', `text,label\n${rows.join('\n')}\n头痛\n`);
    const error = await readExamples(path, fields, 'text-classification').then(() => assert.fail(), (caught: MedTextError) => caught); // prettier-ignore
    assert.equal(error.code, 'DATA_FORMAT');
    assert.match(error.message, /many\.csv line 3: first_sequence \(column "text"\) is empty.*16 rows cannot be read; the others are line 5: first_sequence/); // prettier-ignore
    const all = await readExamples(path, fields, 'text-classification', { maxReports: 100 }).then(() => assert.fail(), (caught: MedTextError) => caught); // prettier-ignore
    assert.match(all.message, /line 31: [^;]*; line 32: 2 fields are expected, 1 found\. Correct them/);
    const few = await readExamples(path, fields, 'text-classification', { maxReports: 2 }).then(() => assert.fail(), (caught: MedTextError) => caught); // prettier-ignore
    assert.match(errorText(few, chinese), /第 3 行.*共有 16 行无法读取；其余为 第 5 行：.*另有 14 行/);
  });

  it('that no row is left, and values without a label', async () => {
    const path = temporary.file('few.jsonl', '{"text": "a", "label": 1}\n{"text": "b", "label": 2}\n{"text": "", "label": 2}\n'); // prettier-ignore
    const fields = { firstSequence: 'text', label: 'label' };
    const wrong = async (options: Parameters<typeof readExamples>[3]) =>
      errorText(await readExamples(path, fields, 'text-classification', options).then(() => assert.fail(), (caught: MedTextError) => caught), chinese); // prettier-ignore
    assert.equal(
      await wrong({ onBadRow: 'skip', labelMapping: { 1: null, 2: null } }),
      `${path} 中没有可用的样本（0 个坏行，3 行被 label_mapping 排除）。`,
    );
    assert.equal(
      await wrong({ onBadRow: 'skip', labels: ['0', '3'] }),
      `${path}，列 "label"：以下取值既不在标签 ["0","3"] 之中，也没有映射到其中之一（请在 label_mapping 中映射；映射到 null 表示排除）："2" 有 2 行，首见于第 2 行；"1" 有 1 行，在第 1 行。`,
    );
  });

  it('of a workbook are words again after the temporary file', async () => {
    const cell = (text: string) => `<c t="inlineStr"><is><t>${text}</t></is></c>`;
    const wide = 300;
    const sheetRows = Array.from({ length: 310 }, (_, i) => `<row>${cell('头痛')}${cell('1')}${i === wide ? cell('x') : ''}</row>`); // prettier-ignore
    const book = zip({
      'xl/workbook.xml': '<workbook><sheets><sheet name="data"/></sheets></workbook>',
      'xl/worksheets/sheet1.xml': `<worksheet><sheetData>${sheetRows.join('')}</sheetData></worksheet>`,
    });
    const file = await openDataFile(temporary.file('wide.xlsx', book), { header: false });
    const { bad } = await readAll(file.path, { header: false });
    const store = new SpooledRowStore(file);
    await store.build(() => undefined);
    const [stored] = await store.read(wide, 1);
    assert.ok(isUnreadable(stored));
    assert.deepEqual(stored, { row: wide, ...bad[0] });
    assert.equal(String(stored.reason), '2 columns are expected, 3 found');
    assert.equal(translated(stored.reason, chinese), '应有 2 列，实际有 3 列');
    await store.close();
  });
});
