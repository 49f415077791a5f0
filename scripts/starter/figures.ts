/**
 * npx tsx scripts/starter/figures.ts --data DIR [--model DIR …]: what the starter is measured by, once, at the end: zero-shot
 * on cMedQQ's test pairs, with intervals of 95 % (percentile bootstrap over pairs, 2,000 draws), and the rate of scoring.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keyOf, uniformAt } from '../../src/base/random';
import { openPairScorer } from '../../src/inference/pairScorer';
import { spearmanCorrelation } from '../../src/tasks/metrics';
import { areaUnderCurve } from './areaUnderCurve';

const DRAWS = 2000;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string' }, model: { type: 'string', multiple: true, default: ['starter'] } } }); // prettier-ignore
  if (values.data === undefined) throw new Error('--data DIR is missing');
  const rows = readFileSync(join(values.data, 'cMedQQ/test.txt'), 'utf8').split(/\r?\n/).filter(Boolean).map((line) => line.split('\t')); // prettier-ignore
  const labels = rows.map(([label]) => Number(label));
  const pairs = rows.map(([, first, second]) => ({ first, second }));
  console.log(`${rows.length} pairs, ${labels.filter((label) => label === 1).length} of them the same question`);
  for (const folder of values.model) {
    const scorer = await openPairScorer(folder, { device: 'cpu' });
    const started = performance.now();
    const scores = (await scorer.score(pairs)).map(({ similarity }) => similarity!);
    const seconds = (performance.now() - started) / 1000;
    await scorer.close();
    const of = (measure: (scores: readonly number[], labels: readonly number[]) => number) => {
      const key = keyOf(2021, labels.length);
      const drawn = Array.from({ length: DRAWS }, (_, draw) => {
        const places = labels.map((_, i) => Math.floor(uniformAt(key, draw * labels.length + i) * labels.length));
        return measure(places.map((place) => scores[place]), places.map((place) => labels[place])); // prettier-ignore
      }).sort((a, b) => a - b);
      const [low, high] = [0.025, 0.975].map((share) => drawn[Math.round(share * (DRAWS - 1))].toFixed(3));
      return `${measure(scores, labels).toFixed(3)} (${low} to ${high})`;
    };
    console.log(`${folder}: AUC ${of(areaUnderCurve)}, Spearman ${of(spearmanCorrelation)}, ${(rows.length / seconds).toFixed(0)} pairs a second`); // prettier-ignore
  }
}

void main().catch((error: unknown) => {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
});
