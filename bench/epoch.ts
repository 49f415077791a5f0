/** Seconds of an epoch of KUAKE-QQR with our defaults, against PyTorch with ModelScope's. See USAGE. */
import { bucketLength } from '../src/inference/lengthBuckets';
import { planEpoch } from '../src/training/batchPlan';
import type { Batch } from '../src/steps/trainingSteps';
import { bertBaseTrainer, defaults } from './support/bertBase';
import { alternate, Contestant, referencePython } from './support/contestant';
import { serveTurns, type Measured } from './support/ourSide';
import { bertTokenizer, pairFiles, pairOptions, readPairs, type PairFiles } from './support/pairs';
import { benchOptions, count, gigabytes, NONE, printResult, runMain, seconds, share } from './support/report';

const USAGE = `npm run bench:epoch -- [--data FOLDER] [--vocab FILE] [--batch-sizes 16,32] [--steps 9] [--reference-steps 3] [--threads 2] [--json FILE]

One epoch of KUAKE-QQR on a BERT-base-sized encoder, all parameters trained. Ours: the recipe's defaults (maximum length
from the data, length buckets). Reference: PyTorch + transformers with ModelScope's defaults (batch 32, every pair padded
to 128). Both are extrapolated from a few steps: ours are drawn evenly from the epoch's plan in order of length. Both
include tokenization; ours also the making of each length's graph, which a training pays once and not every epoch. All
of them are in memory at once, about 14 GB.`;

interface EpochReport extends Measured {
  readonly secondsPerEpoch: number;
  readonly stepsPerEpoch: number;
  readonly rows: number;
  readonly tokenizeSeconds: number;
}

interface OurReport extends EpochReport {
  readonly batchSize: number;
  readonly meanStepSeconds: number;
  readonly measuredLengths: readonly number[];
  readonly graphs: number;
  readonly secondsPerGraph: number;
  readonly meanPaddedLength: number;
}

type ReferenceReport = EpochReport & { readonly environment: object };

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    ...pairOptions,
    'batch-sizes': { type: 'string', default: `${defaults.batch_size},32` },
    steps: { type: 'string', default: '9' },
    'reference-steps': { type: 'string', default: '3' },
    ours: { type: 'boolean', default: false },
  });
  const files = pairFiles(options);
  const batchSizes = options['batch-sizes'].split(',').map((size) => count(size, 'batch-sizes'));
  const threads = count(options.threads, 'threads');
  const steps = count(options.steps, 'steps');
  const rounds = count(options['reference-steps'], 'reference-steps');
  if (options.ours) return takePart(files, batchSizes[0], steps, threads);

  const python = referencePython();
  const ours: Contestant<OurReport>[] = [];
  for (const size of batchSizes) {
    const files = ['--data', options.data, '--vocab', options.vocab];
    const measure = ['--batch-sizes', `${size}`, '--steps', `${steps}`, '--threads', `${threads}`];
    ours.push(await Contestant.ours(__filename, ['--ours', ...files, ...measure], { inHugePages: true }));
  }
  const reference =
    python === undefined
      ? undefined
      : await Contestant.reference<ReferenceReport>(python, 'epoch.py', [
          ...[files.train, files.vocab, '--threads', `${threads}`, '--turns'],
        ]);
  // The reference's steps are many times as long: in each round it takes one, ours their share.
  for (let round = 0; round < rounds; round++) {
    await alternate([reference], 1);
    const until = Math.ceil((steps * (round + 1)) / rounds) - Math.ceil((steps * round) / rounds);
    await alternate(ours, until);
  }
  const reports: OurReport[] = [];
  for (const contestant of ours) reports.push(await contestant.finish());
  const against = (await reference?.finish()) ?? null;

  const row = (name: string, r: EpochReport, step: number, length: number) => [
    name,
    `${r.stepsPerEpoch}`,
    length.toFixed(1),
    seconds(step),
    seconds(r.secondsPerEpoch),
    against ? `${(against.secondsPerEpoch / r.secondsPerEpoch).toFixed(2)} x` : NONE,
    gigabytes(r.peakRssBytes),
    share(r.cpuShare),
  ];
  printResult(
    'epoch',
    {
      threads,
      notes: [
        `Extrapolated: ours from ${steps} of the epoch's steps, drawn evenly by length` +
          (against ? `; the reference from the median of ${rounds}.` : '.'),
      ],
      columns: ['', 'steps', 'mean length', 'a step', 'an epoch', 'faster', 'peak', 'cpuShare'],
      rows: [
        ...reports.map((r) => row(`ours, batch ${r.batchSize}`, r, r.meanStepSeconds, r.meanPaddedLength)),
        ...(against ? [row('PyTorch, batch 32', against, against.secondsPerStep, 128)] : []),
      ],
      figures: reports.map((r) => ({
        name: `epoch, batch ${r.batchSize}`,
        value: r.secondsPerEpoch,
        unit: 's' as const,
        ...(against && { ratio: r.secondsPerEpoch / against.secondsPerEpoch, peer: 'PyTorch' }),
      })),
      results: { ours: reports, reference: against },
      reference: against?.environment ?? null,
    },
    options.json,
  );
}

/** Our process for one batch size. */
async function takePart(files: PairFiles, batchSize: number, steps: number, threads: number): Promise<void> {
  const { examples } = await readPairs(files.train);
  const { examples: validation } = await readPairs(files.validation);
  const tokenizer = bertTokenizer(files.vocab);
  const started = performance.now();
  const encode = (rows: typeof examples) =>
    tokenizer.encodeAll(
      rows.map(({ first, second }) => ({ a: first, b: second })),
      Infinity,
    );
  const encoded = await encode(examples);
  // As `max_length: auto` takes it.
  const maxLength = [...encoded, ...(await encode(validation))].reduce((most, { length }) => Math.max(most, length), 0);
  const tokenizeSeconds = (performance.now() - started) / 1000;

  const plan = planEpoch(
    encoded.map(({ length }) => length),
    {
      batchSize,
      seed: defaults.seed,
      epoch: 0,
      bucketOf: (length) => bucketLength(length, maxLength),
      groupByLength: defaults.length_buckets !== 'none',
    },
  );
  const byLength = [...plan].sort((a, b) => a.length - b.length);
  const drawn = Array.from({ length: steps }, (_, i) => byLength[Math.floor(((i + 0.5) * byLength.length) / steps)]);
  const batchOf = (planned: (typeof plan)[number]): Batch => ({
    length: planned.length,
    examples: planned.examples.map((i) => ({ encoded: encoded[i], target: examples[i].label! })),
  });

  const trainer = await bertBaseTrainer(batchSize, { threads });
  let step = 0;
  const train = async (planned: (typeof plan)[number]): Promise<number> => {
    const began = performance.now();
    await trainer.step([batchOf(planned)], ++step, defaults.optimizer.lr);
    return (performance.now() - began) / 1000;
  };
  const first = new Map<number, number>();
  for (const planned of drawn) if (!first.has(planned.length)) first.set(planned.length, await train(planned));

  const taken: { length: number; seconds: number }[] = [];
  await serveTurns(
    threads,
    async (index) => {
      const planned = drawn[index % drawn.length];
      taken.push({ length: planned.length, seconds: await train(planned) });
    },
    () => {
      const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
      const meanStepSeconds = mean(taken.map((t) => t.seconds));
      // What the first step of a length took longer than the later ones.
      const extra = [...first].flatMap(([length, took]) => {
        const later = taken.filter((t) => t.length === length).map((t) => t.seconds);
        return later.length > 0 ? [Math.max(0, took - mean(later))] : [];
      });
      const graphs = new Set(plan.map(({ length }) => length)).size;
      const secondsPerGraph = mean(extra);
      return {
        batchSize,
        secondsPerEpoch: tokenizeSeconds + meanStepSeconds * plan.length + secondsPerGraph * graphs,
        meanStepSeconds,
        stepsPerEpoch: plan.length,
        rows: examples.length,
        tokenizeSeconds,
        graphs,
        secondsPerGraph,
        meanPaddedLength: mean(plan.map(({ length }) => length)),
        measuredLengths: taken.map(({ length }) => length),
      };
    },
  );
  await trainer.close();
}

runMain(main);
