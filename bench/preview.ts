/** How soon a preview of a large file shows rows, and what it takes. See USAGE. */
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { logTo } from '../src/base/log';
import { keyOf, RandomStream } from '../src/base/random';
import type { PreviewModel } from '../src/protocol/dataProcess';
import { wholeFile, type PreviewState, type ViewQuery, type WorkState } from '../src/protocol/datasetPreview';
import { DataClient } from '../src/worker/dataClient';
import { chooseRuntime } from '../src/worker/runtime';
import { benchOptions, count, gigabytes, NONE, printResult, runMain, seconds } from './support/report';

const USAGE = `npm run build && npm run bench:preview -- [--rows 1000000] [--characters 440] [--model FOLDER] [--json FILE]

Opens a made-up JSON Lines file (a million rows, about a gigabyte) in the data process that the extension starts, and
measures what a person waits for: the first rows, any rows (also while the whole is being counted), a search, a sort,
the statistics, and the memory of the process. --model counts its tokens too.`;

const PAGE = 100;
const JUMPS = 200;

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    rows: { type: 'string', default: '1000000' },
    characters: { type: 'string', default: '440' },
    model: { type: 'string', default: '' },
  });
  const entry = join(__dirname, '../dist/data.js');
  if (!existsSync(entry)) throw new Error('dist/data.js is not there: npm run build first.');
  const rows = count(options.rows, 'rows');
  const folder = mkdtempSync(join(tmpdir(), 'medtext-bench-preview-'));
  const client = new DataClient(() => ({ entry, runtime: chooseRuntime(''), log: logTo(() => undefined) }));
  try {
    const file = join(folder, 'pairs.jsonl');
    await writePairs(file, rows, count(options.characters, 'characters'));
    const model = options.model === '' ? null : { name: 'model', description: '', folder: options.model };
    const { results, peakBytes } = await measure(client, file, rows, model);
    const sizeBytes = statSync(file).size;
    printResult(
      'preview',
      {
        threads: 1,
        notes: [`${rows} rows, ${gigabytes(sizeBytes)}; peak memory of the data process ${gigabytes(peakBytes)}`],
        columns: ['what', 'time', ''],
        rows: results.map(({ what, ms, note }) => [what, ms < 1000 ? `${ms.toFixed(0)} ms` : seconds(ms / 1000), note]),
        results: { rows, sizeBytes, peakBytes, results },
        reference: null,
      },
      options.json,
    );
  } finally {
    client.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly what: string;
  readonly ms: number;
  readonly note: string;
}

async function measure(client: DataClient, file: string, rows: number, model: PreviewModel | null) {
  const results: Measured[] = [];
  const add = (what: string, ms: number, note = '') => void results.push({ what, ms, note });
  let state: PreviewState | undefined;
  const work: Record<'insights' | 'findings', WorkState | undefined> = { insights: undefined, findings: undefined };
  const listener = {
    onState: (told: PreviewState) => void (state = told),
    onInsights: (told: { work: WorkState }) => void (work.insights = told.work),
    onFindings: (told: { work: WorkState }) => void (work.findings = told.work),
    onExportProgress: () => undefined,
    onReopening: () => undefined,
    onLost: (error: Error) => {
      throw error;
    },
  };
  const opening = { splits: [{ name: 'train', file }], shown: 'train', maxLength: 128, mapping: null, mappingSource: 'guess' as const, recipe: null, model }; // prettier-ignore
  const begun = performance.now();
  const preview = await client.openPreview(opening, listener);
  const { view } = (await preview.overview()).state;
  await preview.request('rows', { view: view.id, start: 0, count: PAGE });
  add('first rows, the process started for them', performance.now() - begun);
  await until(() => state !== undefined && !state.index.working);
  add('index of the whole file', performance.now() - begun);

  const random = new RandomStream(keyOf(1, 2));
  const jump = async (id: number, total: number): Promise<number> => {
    const asked = performance.now();
    await preview.request('rows', { view: id, start: random.integer(Math.max(1, total - PAGE)), count: PAGE });
    return performance.now() - asked;
  };
  const busy: number[] = [];
  while (!isDone(work.insights)) {
    busy.push(await jump(view.id, rows));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  add(`any ${PAGE} rows while columns are counted`, median(busy), `slowest of ${busy.length}: ${Math.max(...busy).toFixed(0)} ms`); // prettier-ignore
  const counted = performance.now();
  add('columns counted (insights)', counted - begun, model ? 'with tokens' : 'without tokens');
  await until(() => isDone(work.findings));
  add('findings', performance.now() - counted, 'after the insights');
  const jumps: number[] = [];
  for (let i = 0; i < JUMPS; i++) jumps.push(await jump(view.id, rows));
  add(`any ${PAGE} rows`, median(jumps), `slowest of ${JUMPS}: ${Math.max(...jumps).toFixed(0)} ms`);

  const search = { text: '高血压患者', regex: false, caseSensitive: false, columns: [] };
  const queries: [string, Partial<ViewQuery>][] = [
    ['search', { search }],
    ['regular expression', { search: { ...search, text: '高血压.{2}9+', regex: true } }],
    ['filter by label', { filters: [{ kind: 'value', column: 'label', values: ['1'], missing: false, exclude: false }] }], // prettier-ignore
    ['sort by text', { sort: { kind: 'column', column: 'query2', measure: 'value', descending: false } }],
    ['finding', { filters: [{ kind: 'finding', id: 'duplicates' }] }],
  ];
  for (const [what, query] of queries) {
    const asked = performance.now();
    const { view: id } = await preview.request('setView', { query: { ...wholeFile, ...query } });
    await until(() => state!.view.id === id && !state!.view.working);
    const took = performance.now() - asked;
    const found = state!.view.rows;
    const scattered: number[] = [];
    for (let i = 0; found > 0 && i < 20; i++) scattered.push(await jump(id, found));
    add(what, took, `${found} rows; any ${PAGE} of them: ${found > 0 ? `${median(scattered).toFixed(0)} ms` : NONE}`);
  }
  const peakBytes = peakOf((await client.pid())!);
  preview.dispose();
  return { results, peakBytes };
}

async function writePairs(file: string, rows: number, characters: number): Promise<void> {
  const words = ['高血压', '糖尿病', '患者', '怎么治疗', '吃什么药好', '饮食要注意', '反复头痛', '三月余', '检查结果', '正常']; // prettier-ignore
  const out = createWriteStream(file);
  const random = new RandomStream(keyOf(7, 7));
  for (let row = 0; row < rows;) {
    let text = '';
    for (let i = 0; i < 1000 && row < rows; i++, row++) {
      let first = `${words[random.integer(10)]}${random.integer(rows)}`;
      while (first.length < characters * 0.7) first += words[random.integer(10)];
      const second = words[random.integer(10)] + words[random.integer(10)] + String(random.integer(100));
      const isRepeated = random.integer(200) === 0;
      const pair = isRepeated ? { query1: words[row % 10], query2: '头晕' } : { query1: first, query2: second };
      text += `${JSON.stringify({ id: `pair-${row}`, ...pair, label: String(random.integer(3)) })}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

function isDone(work: WorkState | undefined): boolean {
  if (work?.error) throw new Error(work.error.message);
  return work !== undefined && !work.working;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** The largest resident set so far; 0 where the system does not tell. */
function peakOf(pid: number): number {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return 0;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) * 1024;
}

runMain(main);
