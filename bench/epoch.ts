/** Seconds of an epoch of KUAKE-QQR with our defaults, against PyTorch and ModelScope's trainer. See USAGE. */
import { bucketLength } from '../src/inference/lengthBuckets';
import { planEpoch } from '../src/training/batchPlan';
import type { Batch } from '../src/steps/trainingSteps';
import { bertBaseTrainer, defaults, LOSSES } from './support/bertBase';
import { alternate, Contestant, modelscopePython, referencePython } from './support/contestant';
import { serveTurns, type Measured } from './support/ourSide';
import { bertTokenizer, pairFiles, pairOptions, readPairs, type PairFiles } from './support/pairs';
import { benchOptions, count, gigabytes, NONE, printResult, runMain, seconds, share } from './support/report';

const USAGE = `npm run bench:epoch -- [--data FOLDER] [--vocab FILE] [--against all|pytorch|modelscope] [--loss all|plain|adversarial] [--batch-sizes 16,32] [--steps 9] [--reference-steps 3] [--threads 2] [--json FILE]

One epoch of KUAKE-QQR on a BERT-base-sized encoder, all parameters trained. Ours: the recipe's defaults (maximum length
from the data, length buckets). References:
- PyTorch + transformers with ModelScope's defaults (batch 32, every pair padded to 128), without the adversarial loss.
- ModelScope's own trainer (nlp-base-trainer), if MEDTEXT_MODELSCOPE_PYTHON names a Python that has it: with its
  adversarial loss at batch 8, without at batch 32. Ours has the same batch size and the same loss there. With that loss
  batch 32 was killed at 16.5 GB, so it is left out.
All are extrapolated from a few steps: ours are drawn evenly from the epoch's plan in order of length. All include
tokenization; ours also the making of each length's graph, which a training pays once and not every epoch. A reference
and ours beside it are in memory at once: about 14 GB.`;

interface EpochReport extends Measured {
  readonly secondsPerEpoch: number;
  readonly stepsPerEpoch: number;
  readonly rows: number;
}

interface OurReport extends EpochReport {
  readonly batchSize: number;
  readonly loss: Loss;
  readonly meanStepSeconds: number;
  readonly measuredLengths: readonly number[];
  readonly graphs: number;
  readonly secondsPerGraph: number;
  readonly tokenizeSeconds: number;
  readonly meanPaddedLength: number;
}

type ReferenceReport = EpochReport & { readonly environment: Readonly<Record<string, unknown>> };
type Loss = 'plain' | 'adversarial';

/** Ours and one reference, in turns. */
interface Match {
  /** Undefined: ours alone. */
  readonly peer?: 'PyTorch' | 'ModelScope';
  readonly loss: Loss;
  readonly batchSizes: readonly number[];
  readonly referenceBatchSize: number;
  readonly start?: () => Promise<Contestant<ReferenceReport>>;
}

interface MatchResult extends Match {
  readonly ours: readonly OurReport[];
  readonly reference: ReferenceReport | null;
}

/** The tokens that ModelScope's defaults pad every pair to. */
const REFERENCE_LENGTH = 128;

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    ...pairOptions,
    against: { type: 'string', default: 'all' },
    'batch-sizes': { type: 'string', default: `${defaults.batch_size},32` },
    steps: { type: 'string', default: '9' },
    'reference-steps': { type: 'string', default: '3' },
    loss: { type: 'string', default: 'all' },
    ours: { type: 'boolean', default: false },
  });
  const files = pairFiles(options);
  const batchSizes = options['batch-sizes'].split(',').map((size) => count(size, 'batch-sizes'));
  const threads = count(options.threads, 'threads');
  const steps = count(options.steps, 'steps');
  const rounds = count(options['reference-steps'], 'reference-steps');
  if (options.ours) return takePart(files, batchSizes[0], options.loss as Loss, steps, threads);

  const ours = (batchSize: number, loss: Loss) =>
    Contestant.ours<OurReport>(
      __filename,
      [
        ...['--ours', '--data', options.data, '--vocab', options.vocab, '--loss', loss],
        ...['--batch-sizes', `${batchSize}`, '--steps', `${steps}`, '--threads', `${threads}`],
      ],
      { inHugePages: true },
    );
  const results: MatchResult[] = [];
  const all = matches(options.against, batchSizes, files, threads);
  const chosen = all.filter(({ loss }) => options.loss === 'all' || options.loss === loss);
  if (chosen.length === 0) throw new Error(`--against ${options.against} has no --loss ${options.loss}.`);
  for (const match of chosen) {
    const reference = await match.start?.();
    const contestants: Contestant<OurReport>[] = [];
    for (const size of match.batchSizes) contestants.push(await ours(size, match.loss));
    // The reference's steps are many times as long: in each round it takes one, ours their share.
    for (let round = 0; round < rounds; round++) {
      await alternate([reference], 1);
      const share = Math.ceil((steps * (round + 1)) / rounds) - Math.ceil((steps * round) / rounds);
      await alternate(contestants, share);
    }
    const reports: OurReport[] = [];
    for (const contestant of contestants) reports.push(await contestant.finish());
    results.push({ ...match, ours: reports, reference: (await reference?.finish()) ?? null });
  }

  const ofPeer = (peer: Match['peer']) => results.find((result) => result.peer === peer)?.reference?.environment;
  const [ofPyTorch, ofModelScope] = [ofPeer('PyTorch'), ofPeer('ModelScope')];
  const isAgainst = results.some(({ reference }) => reference !== null);
  printResult(
    'epoch',
    {
      threads,
      notes: [
        `Extrapolated: ours from ${steps} of the epoch's steps, drawn evenly by length` +
          (isAgainst ? `; a reference from the median of ${rounds}. CPU: CPU seconds of an epoch.` : '.'),
      ],
      columns: ['', 'loss', 'steps', 'mean length', 'a step', 'an epoch', 'faster', 'CPU', 'less CPU', 'peak', 'cpuShare'], // prettier-ignore
      rows: results.flatMap((result) => rowsOf(result, threads)),
      figures: results.flatMap(({ peer, loss, ours, reference }) =>
        ours.map((r) => ({
          name: `epoch, batch ${r.batchSize}${peer === 'ModelScope' ? `, ${loss}, against ModelScope` : ''}`,
          value: r.secondsPerEpoch,
          unit: 's' as const,
          ...(reference && { ratio: r.secondsPerEpoch / reference.secondsPerEpoch, peer }),
        })),
      ),
      results: results.map(({ peer, loss, ours, reference }) => ({ peer, loss, ours, reference })),
      reference: isAgainst ? { ...ofPyTorch, ...(ofModelScope && { modelscope: modelscopeVersions(ofModelScope) }) } : null, // prettier-ignore
    },
    options.json,
  );
}

const modelscopeVersions = ({ modelscope, torch, transformers }: ReferenceReport['environment']) =>
  `${modelscope} (torch ${torch}, transformers ${transformers})`;

function matches(against: string, batchSizes: readonly number[], files: PairFiles, threads: number): readonly Match[] {
  if (!['all', 'pytorch', 'modelscope'].includes(against)) throw new Error('--against is all, pytorch or modelscope.');
  const args = [files.train, files.vocab, '--threads', `${threads}`, '--turns'];
  const python = against === 'modelscope' ? undefined : referencePython();
  const withModelscope = against === 'pytorch' ? undefined : modelscopePython();
  if (against === 'modelscope' && !withModelscope) throw new Error('MEDTEXT_MODELSCOPE_PYTHON names no Python.');

  const plain: Match = { loss: 'plain', batchSizes, referenceBatchSize: 32 };
  const byPyTorch = python && { peer: 'PyTorch' as const, start: () => Contestant.reference<ReferenceReport>(python, 'epoch.py', args) }; // prettier-ignore
  const byModelScope = (loss: Loss, batchSize: number): Match => ({
    peer: 'ModelScope',
    loss,
    batchSizes: [batchSize],
    referenceBatchSize: batchSize,
    start: () => Contestant.reference(withModelscope!, 'modelscopeEpoch.py', [...args, '--loss', loss, '--batch-size', `${batchSize}`]), // prettier-ignore
  });
  return [
    ...(against === 'modelscope' ? [] : [{ ...plain, ...byPyTorch }]),
    ...(withModelscope ? [byModelScope('adversarial', 8), byModelScope('plain', 32)] : []),
  ];
}

function rowsOf({ peer, loss, referenceBatchSize, ours, reference }: MatchResult, threads: number): string[][] {
  const cpuSeconds = (r: EpochReport) => r.cpuShare * threads * r.secondsPerEpoch;
  const times = (of: (r: EpochReport) => number, r: EpochReport) =>
    reference ? `${(of(reference) / of(r)).toFixed(2)} x` : NONE;
  const row = (name: string, r: EpochReport, step: number, length: number) => [
    name,
    loss,
    `${r.stepsPerEpoch}`,
    length.toFixed(1),
    seconds(step),
    seconds(r.secondsPerEpoch),
    times((side) => side.secondsPerEpoch, r),
    seconds(cpuSeconds(r)),
    times(cpuSeconds, r),
    gigabytes(r.peakRssBytes),
    share(r.cpuShare),
  ];
  return [
    ...ours.map((r) => row(`ours, batch ${r.batchSize}`, r, r.meanStepSeconds, r.meanPaddedLength)),
    ...(reference
      ? [row(`${peer}, batch ${referenceBatchSize}`, reference, reference.secondsPerStep, REFERENCE_LENGTH)]
      : []),
  ];
}

/** Our process for one batch size. */
async function takePart(
  files: PairFiles,
  batchSize: number,
  loss: Loss,
  steps: number,
  threads: number,
): Promise<void> {
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

  const trainer = await bertBaseTrainer(batchSize, { threads }, { objective: LOSSES[loss] });
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
        loss,
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
