import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PreviewOpening } from '../../src/protocol/dataProcess';
import { wholeFile, type Findings, type Insights, type PreviewState } from '../../src/protocol/datasetPreview';
import { DataClient, type PreviewClient } from '../../src/worker/dataClient';
import { isAlive, launchOf, until } from './support/launch';

const limitMs = 60_000;

describe('the data process', function () {
  this.timeout(4 * limitMs);
  let folder: string;
  let client: DataClient;
  const heard = {
    states: [] as PreviewState[],
    insights: [] as Insights[],
    findings: [] as Findings[],
    lost: [] as string[],
    reopened: [] as boolean[],
  };
  before(() => void (folder = mkdtempSync(join(tmpdir(), 'medtext-data-process-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => {
    for (const list of Object.values(heard)) list.length = 0;
    client = new DataClient(() => launchOf('dataProcess.ts'));
  });
  afterEach(() => client.dispose());

  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const opening = (files: Record<string, string>): PreviewOpening => ({
    splits: Object.entries(files).map(([name, path]) => ({ name, file: path })),
    shown: Object.keys(files)[0],
    maxLength: null,
    mapping: null,
    mappingSource: 'guess',
    recipe: null,
    model: null,
  });
  const open = (asked: PreviewOpening): Promise<PreviewClient> =>
    client.openPreview(asked, {
      onState: (state) => heard.states.push(state),
      onInsights: (insights) => heard.insights.push(insights),
      onFindings: (findings) => heard.findings.push(findings),
      onExportProgress: () => undefined,
      onReopening: () => heard.reopened.push(true),
      onLost: ({ code }) => heard.lost.push(code),
    });
  const settledView = async (view: number): Promise<PreviewState['view']> => {
    const state = () => heard.states.findLast((told) => told.view.id === view && !told.view.working);
    await until(() => state() !== undefined, 'the view', limitMs);
    return state()!.view;
  };
  const pairs = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      JSON.stringify({ id: i, query1: `头痛${i}`, query2: i % 5 === 0 ? `头痛${i}` : '发热', label: String(i % 3) }),
    );

  it('a file that takes more than its budget loses its own preview, and no other', async () => {
    const bad = file('endless.jsonl', JSON.stringify({ query1: '无尽', query2: '无尽', label: '0' }));
    client.dispose();
    client = new DataClient(() => launchOf('dataProcess.ts', [], { TEST_ENDLESS: bad, MEDTEXT_READ_BUDGET: '0.1' }));
    const good = await open(opening({ train: file('good.jsonl', pairs(50).join('\n')) }));
    const pid = await client.pid();
    await open({ ...opening({ train: bad }), maxLength: 8, model: { name: 'm', description: '', folder: '/m' } });
    await until(() => heard.lost.length > 0, 'the preview is given up', limitMs);
    assert.deepEqual(heard.lost, ['BUDGET']);
    const { view } = (await good.overview()).state;
    const { rows } = await good.request('rows', { view: view.id, start: 40, count: 2 });
    assert.deepEqual(rows.map(({ row }) => row), [40, 41]); // prettier-ignore
    assert.notEqual(await client.pid(), pid);
    assert.deepEqual(heard.lost, ['BUDGET']);
  });

  it('opens files of every kind of text, and shows any rows with their lines', async () => {
    const files = {
      jsonl: file('a.jsonl', pairs(3000).join('\n')),
      json: file('a.json', `[\n${pairs(20).join(',\n')}\n]`),
      csv: file('a.csv', 'query1,query2,label\n头痛,发热,0\n"a\nb",c,1\n只有一个\n'),
      tsv: file('a.tsv', 'query1\tquery2\tlabel\n头痛\t发热\t0\n'),
      txt: file('a.txt', '0\t头痛\t发热\n1\t咳嗽\t感冒了\n'),
    };
    const preview = await open(opening(files));
    const { state } = await preview.overview();
    assert.deepEqual(state.mapping, { first_sequence: 'query1', second_sequence: 'query2', label: 'label' });
    assert.deepEqual([state.file?.format, state.columns], ['jsonl', ['id', 'query1', 'query2', 'label']]);
    await until(async () => (await preview.request('rows', { view: state.view.id, start: 0, count: 1 })).total === 3000, 'all rows', limitMs); // prettier-ignore
    const { rows } = await preview.request('rows', { view: state.view.id, start: 2500, count: 2 });
    assert.deepEqual(
      rows.map(({ row, line, cells }) => [row, line, cells[0], cells[1]?.text]),
      [
        [2500, 2501, { kind: 'number', text: '2500' }, '头痛2500'],
        [2501, 2502, { kind: 'number', text: '2501' }, '头痛2501'],
      ],
    );
    const counts: Record<string, number> = { json: 20, csv: 3, tsv: 1, txt: 2 };
    for (const [name, count] of Object.entries(counts)) {
      await preview.request('showSplit', { name });
      const id = () => heard.states.at(-1)!;
      await until(() => id().shown === name && !id().index.working, name, limitMs);
      assert.equal(id().index.rows, count, name);
      await assert.rejects(preview.request('rows', { view: state.view.id, start: 0, count: 1 }), { code: 'NOT_FOUND' });
    }
    await preview.request('showSplit', { name: 'csv' });
    const csv = heard.states.at(-1)!;
    const read = await preview.request('rows', { view: csv.view.id, start: 0, count: 10 });
    assert.deepEqual(read.rows.map(({ line, bad }) => [line, bad?.message]), [[2, undefined], [3, undefined], [5, '3 fields are expected, 1 found']]); // prettier-ignore
    assert.deepEqual(read.rows[2].bad!.words, { template: '{0} fields are expected, {1} found', values: [3, 1] });
    assert.deepEqual((await preview.request('line', { view: csv.view.id, row: 1 })).line, 3);
  });

  it('finds, filters and sorts', async () => {
    const preview = await open(opening({ train: file('b.jsonl', [...pairs(3000), '{"broken', '{"id": 7}'].join('\n')) })); // prettier-ignore
    const ask = async (query: Partial<typeof wholeFile>) => {
      const { view } = await preview.request('setView', { query: { ...wholeFile, ...query } });
      const settled = await settledView(view);
      assert.equal(settled.error, null);
      const { rows } = await preview.request('rows', { view, start: 0, count: 3 });
      return [settled.rows, ...rows.map(({ row }) => row)];
    };
    const search = { text: '痛299', regex: false, caseSensitive: false, columns: [] };
    assert.deepEqual(await ask({ search }), [11, 299, 2990, 2991]);
    assert.deepEqual(await ask({ search: { ...search, text: '痛29+$', regex: true } }), [3, 29, 299, 2999]);
    assert.deepEqual(await ask({ filters: [{ kind: 'value', column: 'label', values: ['2'], missing: false, exclude: false }] }), [1000, 2, 5, 8]); // prettier-ignore
    assert.deepEqual(await ask({ filters: [{ kind: 'value', column: 'label', values: [], missing: true, exclude: false }] }), [1, 3001]); // prettier-ignore
    assert.deepEqual(await ask({ filters: [{ kind: 'bad' }] }), [1, 3000]);
    assert.deepEqual(await ask({ filters: [{ kind: 'range', column: 'id', measure: 'value', from: 5, to: 7, closed: true }] }), [4, 5, 6, 7]); // prettier-ignore
    assert.deepEqual(await ask({ filters: [{ kind: 'range', column: 'query1', measure: 'characters', from: 3, to: 4, closed: false }] }), [10, 0, 1, 2]); // prettier-ignore
    assert.deepEqual(await ask({ sort: { kind: 'column', column: 'id', measure: 'value', descending: true } }), [3002, 2999, 2998, 2997]); // prettier-ignore
    assert.deepEqual(await ask({ search, sort: { kind: 'column', column: 'query1', measure: 'value', descending: true } }), [11, 2999, 2998, 2997]); // prettier-ignore
    for (const query of [
      { search: { ...search, text: '(?<=bad', regex: true } },
      { sort: { kind: 'column', column: 'absent', measure: 'value', descending: false } as const },
      { filters: [{ kind: 'finding', id: 'absent' } as const] },
      { filters: [{ kind: 'range', column: null, measure: 'tokens', from: 0, to: 1, closed: false } as const] },
    ]) {
      await assert.rejects(preview.request('setView', { query: { ...wholeFile, ...query } }), { code: 'USAGE' });
    }
  });

  it('gives an expression up that would take for ever', async () => {
    const text = `${'a'.repeat(40)}b`;
    const preview = await open(opening({ train: file('c.jsonl', JSON.stringify({ text })) }));
    const search = { text: '^(a+)+$', regex: true, caseSensitive: false, columns: [] };
    const { view } = await preview.request('setView', { query: { ...wholeFile, search } });
    const { error } = await settledView(view);
    assert.equal(error?.code, 'USAGE');
    assert.match(error!.message, /takes too long/);
  });

  it('compares several labels with those of the row, whatever their order and form', async () => {
    const rows = [0, 1, 2, 3];
    const said = [['儿科', '内科'], ['儿科'], [], ['外科']];
    const predictions = said.map((labels) => ({
      label: labels.join(';'),
      labels,
      probability: null,
      similarity: null,
    }));
    for (const [name, content] of [
      ['several.csv', 'text,labels\n甲,内科;儿科\n乙,内科\n丙,\n丁,手术\n'],
      [
        'several.jsonl',
        [['内科', '儿科'], ['内科'], [], ['手术']]
          .map((labels, i) => JSON.stringify({ text: '甲乙丙丁'[i], labels }))
          .join('\n'),
      ],
    ] as const) {
      const labelNames = { 手术: '外科' };
      const preview = await open({ ...opening({ train: file(name, content) }), labelNames });
      // The index may still be read.
      const areRead = async () => !(await preview.request('inputs', { rows })).includes(null);
      await until(areRead, 'the rows', limitMs);
      const { differs, ...counts } = await preview.request('predicted', { rows, predictions });
      assert.deepEqual(differs, [false, true, false, false], name);
      assert.deepEqual([counts.done, counts.compared, counts.disagreements], [4, 4, 1], name);
    }
  });

  it('keeps predictions for rows, filters, order and export', async () => {
    const preview = await open(opening({ train: file('d.csv', `query1,query2,label\n${Array.from({ length: 9 }, (_, i) => `甲${i},"乙,${i}",${i % 3}`).join('\n')}\n`) })); // prettier-ignore
    const rows = Array.from({ length: 9 }, (_, i) => i);
    const inputs = await preview.request('inputs', { rows });
    assert.deepEqual(inputs[4], { first: '甲4', second: '乙,4', label: '1' });
    const predictions = rows.map((i) => ({ label: String(i < 6 ? i % 3 : 0), probability: i / 10, similarity: null }));
    const counts = await preview.request('predicted', { rows, predictions });
    assert.deepEqual([counts.done, counts.compared, counts.disagreements], [9, 9, 2]);
    assert.deepEqual(counts.counts[0], { text: '0', count: 5 });
    const { view } = await preview.request('setView', { query: { ...wholeFile, filters: [{ kind: 'disagreement' }], sort: { kind: 'disagreement' } } }); // prettier-ignore
    await settledView(view);
    const shown = await preview.request('rows', { view, start: 0, count: 9 });
    assert.deepEqual(shown.rows.map(({ row, prediction }) => [row, prediction?.label]), [[8, '0'], [7, '0']]); // prettier-ignore
    const output = join(folder, 'd.out.csv');
    const exported = await preview.request('export', { view, columns: ['query2', 'label'], format: 'csv', predictions: true, file: output }); // prettier-ignore
    assert.equal(exported.rows, 2);
    const [head, first] = readFileSync(output, 'utf8').split('\n');
    assert.equal(head, 'query2,label,predicted_label,predicted_probability,predicted_similarity');
    assert.match(first, /^"乙,8",2,0,0\.8\d*,$/);
    await preview.request('predicted', { rows: [8], predictions: [{ label: null, probability: null, similarity: 3.5, number: 'prediction' }] }); // prettier-ignore
    assert.deepEqual((await preview.request('rows', { view, start: 0, count: 1 })).rows[0].prediction, { label: null, probability: null, similarity: 3.5, number: 'prediction' }); // prettier-ignore
    await preview.request('export', { view, columns: ['query2'], format: 'csv', predictions: true, file: output });
    assert.match(
      readFileSync(output, 'utf8'),
      /^query2,predicted_label,predicted_probability,predicted_number\n"乙,8",,,3\.5\n/,
    );
    const copied = await preview.request('copy', { view, ranges: [{ start: 1, count: 1 }], columns: ['query1', 'label'], format: 'json' }); // prettier-ignore
    assert.deepEqual(copied, { text: '{"query1": "甲7", "label": "1"}', rows: 1 });
  });

  it('tells why a file cannot be opened, and goes on with another', async () => {
    const preview = await open(opening({ train: join(folder, 'absent.json'), test: file('e.jsonl', pairs(5).join('\n')) })); // prettier-ignore
    const { state } = await preview.overview();
    assert.equal(state.error?.code, 'NOT_FOUND');
    assert.match(state.splits[0].problem!.message, /does not exist/);
    await preview.request('showSplit', { name: 'test' });
    await until(() => heard.states.at(-1)?.index.rows === 5, 'the other file', limitMs);
    assert.equal(heard.states.at(-1)!.error, null);
  });

  it('ends when its last preview has been closed for a while', async () => {
    client = new DataClient(() => launchOf('dataProcess.ts'), 50);
    const one = await open(opening({ train: file('h.jsonl', pairs(3).join('\n')) }));
    const other = await open(opening({ train: file('h.jsonl', pairs(3).join('\n')) }));
    const pid = (await client.pid())!;
    one.dispose();
    const { state } = await other.overview();
    assert.equal((await other.request('rows', { view: state.view.id, start: 0, count: 5 })).total, 3);
    other.dispose();
    await until(() => !isAlive(pid), 'its end', limitMs);
  });

  it('is started again when it dies, with the previews that were open', async () => {
    const preview = await open(opening({ train: file('f.jsonl', pairs(50).join('\n')), test: file('g.jsonl', pairs(7).join('\n')) })); // prettier-ignore
    await preview.request('showSplit', { name: 'test' });
    const search = { text: '痛3', regex: false, caseSensitive: false, columns: [] };
    const { view } = await preview.request('setView', { query: { ...wholeFile, search } });
    await settledView(view);
    const pid = (await client.pid())!;
    heard.states.length = 0;
    process.kill(pid, 'SIGKILL');
    const again = () => heard.states.findLast((state) => state.view.id > view && !state.view.working);
    await until(() => again() !== undefined, 'the preview again', limitMs);
    assert.deepEqual([again()!.shown, again()!.view.rows, again()!.view.query.search?.text], ['test', 1, '痛3']);
    const { rows } = await preview.request('rows', { view: again()!.view.id, start: 0, count: 5 });
    assert.equal(rows[0].cells[1]?.text, '头痛3');
    assert.deepEqual([heard.lost, heard.reopened.length], [[], 1]);
    // As a person restarts it because it hangs.
    await client.restart();
    assert.equal(heard.reopened.length, 2);
    preview.dispose();
    await assert.rejects(preview.request('rows', { view, start: 0, count: 1 }), { code: 'CLOSED' });
    const next = (await client.pid())!;
    client.dispose();
    await until(() => !isAlive(next), 'its end', limitMs);
  });
});
