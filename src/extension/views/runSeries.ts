import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { METRICS_FILE, parseMetricsLine } from '../../protocol/metricsLine';
import { seriesNames, type SeriesName, type ShownSeries } from '../../protocol/runPage';
import { finite, thinned } from './runHistory';

const maxKept = 20_000;

/** What a run has logged of each step besides its loss; what it never logged is left out. */
export async function readRunSeries(runFolder: string): Promise<readonly ShownSeries[]> {
  const file = join(runFolder, METRICS_FILE);
  const found = new Map<SeriesName, { steps: number[]; losses: (number | null)[] }>();
  try {
    await stat(file);
  } catch {
    return [];
  }
  const input = createReadStream(file, 'utf8');
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const record = parseMetricsLine(line);
    if (!record || !('loss' in record)) continue;
    for (const name of seriesNames) {
      if (!(name in record)) continue;
      const known = found.get(name) ?? { steps: [], losses: [] };
      known.steps.push(record.step);
      known.losses.push(finite(record[name]));
      // Bounded for a log of any length.
      found.set(name, known.steps.length >= maxKept ? thinned(known.steps, known.losses, maxKept / 2) : known);
    }
  }
  return seriesNames.flatMap((name) => {
    const known = found.get(name);
    if (!known) return [];
    const { steps, losses: values } = thinned(known.steps, known.losses);
    return [{ name, steps, values }];
  });
}
