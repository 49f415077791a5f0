import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataInfo } from '../../src/worker/dataInfo';
import { recordAt, type RecordLayout } from '../../src/extension/hover/dataRowAt';

const plain = (layout: RecordLayout, text: string, at: string) => {
  const record = recordAt(text, text.indexOf(at), layout);
  return record && { ...record.values };
};
const json: RecordLayout = { format: 'json', header: false, columns: ['a', 'b'] };
const csv: RecordLayout = { format: 'csv', header: true, delimiter: ',', columns: ['a', 'b'] };

describe('the record under the mouse', () => {
  it('in a JSON array, with braces and quotes inside strings, nested objects and any layout', () => {
    const text = '[{"a":"x { \\" }","b":"1"},\n {"a":"y",\n  "b":{"deep":[1,{"c":2}]}, "n": 3}\n]';
    assert.deepEqual(plain(json, text, 'x {'), { a: 'x { " }', b: '1' });
    assert.deepEqual(plain(json, text, 'deep'), { a: 'y', n: '3' });
    assert.equal(recordAt(text, text.length - 1, json), undefined);
    assert.equal(recordAt('{"a": {"b": 1}}', 8, json)?.values.b, undefined);
  });

  it('in the array of an object that holds it', () => {
    const text =
      '{"version": {"a": "no"},\n"data": [{"a":"x","b":"1"}, {"a":"y","b":{"c":[{"a":"z"}]}}],\n"more": "end"}';
    assert.equal(recordAt(text, text.indexOf('no'), json), undefined);
    assert.deepEqual(plain(json, text, 'x'), { a: 'x', b: '1' });
    assert.deepEqual(plain(json, text, 'z'), { a: 'y' });
    assert.equal(recordAt(text, text.indexOf('end'), json), undefined);
  });

  it('below titles and the line sep= of CSV, not in them', () => {
    const text = 'sep=,\n标题,\na,b\n甲,1\n';
    const layout = { ...csv, skipped: 2 };
    for (const above of ['sep', '标题', 'a,b']) assert.equal(plain(layout, text, above), undefined, above);
    assert.deepEqual(plain(layout, text, '甲'), { a: '甲', b: '1' });
  });

  it('in JSON Lines, and none in a broken line', () => {
    const layout: RecordLayout = { ...json, format: 'jsonl' };
    const text = '{"a":"甲"}\n{"a":\n{"a":"丙","b":true}';
    assert.deepEqual(plain(layout, text, '甲'), { a: '甲' });
    assert.equal(recordAt(text, 11, layout), undefined);
    assert.deepEqual(plain(layout, text, '丙'), { a: '丙', b: 'true' });
  });

  it('in CSV, with quoted delimiters, quotes and line breaks, CRLF, and not in the header', () => {
    const text = 'a,b\r\n"x, ""y""\r\nz",1\r\n\r\nplain,2\r\n';
    assert.equal(recordAt(text, 0, csv), undefined);
    assert.deepEqual(plain(csv, text, 'z"'), { a: 'x, "y"\r\nz', b: '1' });
    assert.deepEqual(plain(csv, text, 'plain'), { a: 'plain', b: '2' });
  });

  it('in tab-separated text without header, where quotes are characters', () => {
    const layout: RecordLayout = { format: 'text', header: false, delimiter: '\t', columns: ['0', '1'] };
    assert.deepEqual(plain(layout, '1\t"甲\n0\t乙', '甲'), { '0': '1', '1': '"甲' });
    assert.deepEqual(plain(layout, '1\t"甲\n0\t乙', '乙'), { '0': '0', '1': '乙' });
  });

  it('in tab-separated files, whose quotes are read as the engine reads them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-record-'));
    const file = join(folder, 'a.tsv');
    const at = async (text: string, where: string) => {
      writeFileSync(file, text);
      const info = await dataInfo({ file }, new AbortController().signal);
      return plain(info as RecordLayout, text, where);
    };
    const rows = Array.from({ length: 9 }, (_, i) => `头痛${i}\t${i % 2}\n`).join('');
    // A quotation that is not closed in its field.
    assert.deepEqual(await at(`q\ty\n"甲”的病\t1\n乙\t0\n${rows}`, '乙'), { q: '乙', y: '0' });
    assert.deepEqual(await at(`q\ty\n"甲\t丙"\t1\n乙\t0\n${rows}`, '丙'), { q: '甲\t丙', y: '1' });
    rmSync(folder, { recursive: true });
  });

  it('never touches the prototype', () => {
    const record = recordAt('[{"__proto__":"x","a":"1"}]', 5, json)!;
    assert.equal(record.values['toString'], undefined);
  });

  it('in three megabytes within a moment', () => {
    const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, a: `问题${id}`.repeat(10), b: '回答'.repeat(20) }));
    const text = JSON.stringify(rows, undefined, 1);
    const before = performance.now();
    assert.equal(recordAt(text, text.lastIndexOf('问题19999'), json)?.values.id, '19999');
    assert.ok(performance.now() - before < 1000);
  });
});
