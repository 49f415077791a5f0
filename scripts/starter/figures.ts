/**
 * npx tsx scripts/starter/figures.ts --data DIR [--model DIR …] [--threads N]: measures the starter encoder once, at the end. It measures
 * zero-shot scores on cMedQQ's test pairs with 95 % intervals (percentile bootstrap over pairs, 2,000 draws), and the rate of scoring
 * pairs and single texts. On a busy machine use the rate by CPU time, with --threads 1.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keyOf, uniformAt } from '../../src/base/random';
import { openEmbedder } from '../../src/inference/embedder';
import { openPairScorer } from '../../src/inference/pairScorer';
import { spearmanCorrelation } from '../../src/tasks/metrics';
import { areaUnderCurve } from './areaUnderCurve';

const DRAWS = 2000;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string' }, model: { type: 'string', multiple: true, default: ['starter'] }, threads: { type: 'string' } } }); // prettier-ignore
  if (values.data === undefined) throw new Error('--data DIR is missing');
  const rows = readFileSync(join(values.data, 'cMedQQ/test.txt'), 'utf8').split(/\r?\n/).filter(Boolean).map((line) => line.split('\t')); // prettier-ignore
  const labels = rows.map(([label]) => Number(label));
  const pairs = rows.map(([, first, second]) => ({ first, second }));
  console.log(`${rows.length} pairs, ${labels.filter((label) => label === 1).length} of them the same question`);
  const options = { device: 'cpu', threads: values.threads === undefined ? undefined : Number(values.threads) };
  for (const folder of values.model) {
    const scorer = await openPairScorer(folder, options);
    const [scores, ofPairs] = await timed(() => scorer.score(pairs));
    await scorer.close();
    const similarities = scores.map(({ similarity }) => similarity!);
    const texts = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))];
    const embedder = await openEmbedder(folder, options);
    const [, ofTexts] = await timed(() => embedder.embed(texts));
    await embedder.close();
    const of = (measure: (scores: readonly number[], labels: readonly number[]) => number) => {
      const key = keyOf(2021, labels.length);
      const drawn = Array.from({ length: DRAWS }, (_, draw) => {
        const places = labels.map((_, i) => Math.floor(uniformAt(key, draw * labels.length + i) * labels.length));
        return measure(places.map((place) => similarities[place]), places.map((place) => labels[place])); // prettier-ignore
      }).sort((a, b) => a - b);
      const [low, high] = [0.025, 0.975].map((share) => drawn[Math.round(share * (DRAWS - 1))].toFixed(3));
      return `${measure(similarities, labels).toFixed(3)} (${low} to ${high})`;
    };
    console.log(`${folder}: AUC ${of(areaUnderCurve)}, Spearman ${of(spearmanCorrelation)}`);
    console.log(`${rate(pairs.length, 'pairs', ofPairs)}; ${rate(texts.length, 'texts', ofTexts)}; ${cpus()[0].model}`);
  }
}

interface Time {
  readonly seconds: number;
  /** The CPU time of all cores together. */
  readonly cpuSeconds: number;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, Time]> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return [result, { seconds, cpuSeconds: (user + system) / 1e6 }];
}

const rate = (count: number, what: string, { seconds, cpuSeconds }: Time) =>
  `${(count / seconds).toFixed(0)} ${what} a second, ${(count / cpuSeconds).toFixed(0)} a second of CPU time`;

void main().catch((error: unknown) => {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
});
