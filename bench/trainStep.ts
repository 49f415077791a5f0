/** Seconds and peak memory of a training step of BERT-base, against PyTorch's. See USAGE. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maskedLanguageHead } from '../src/models/heads/maskedLanguage';
import { pretraining } from '../src/tasks/losses/maskedLanguage';
import { bertBaseTrainer, defaults, LOSSES, MASKED } from './support/bertBase';
import { alternate, Contestant, referencePython } from './support/contestant';
import { serveTurns, type Measured } from './support/ourSide';
import { batchesOf, maskedBatch, randomBatches, type BatchesJson } from './support/randomBatches';
import { cpuFlags } from './support/cpuFlags';
import { benchOptions, count, gigabytes, NONE, printResult, ratio, runMain, seconds, share } from './support/report';

const USAGE = `npm run bench:step -- [--lengths 32,64,128] [--steps 3] [--batch-size 16] [--threads 2] [--attention sdpa|eager] [--autocast auto|yes|no] [--loss plain|adversarial|fgm|r_drop|masked] [--json FILE]

One training step of a BERT-base-sized encoder, all parameters trained: forward, backward, clipping, AdamW, with dropout.
The reference is PyTorch + transformers on the same batches, without clipping. Both have a process a length; after two
steps of warm-up they take turns, step by step. Each figure is the median of the steps. "masked" masks anew in each step, as
transformers' DataCollatorForLanguageModeling, which is the reference's. Where the CPU has bfloat16 products (auto), PyTorch takes part a
second time in torch.autocast, which rounds the factors of products to bfloat16; ours computes in float32.`;

const WARM_UPS = 2;

type Reference = Measured & { readonly environment: object };

interface Row {
  readonly length: number;
  readonly ours: Measured;
  readonly reference: Reference | null;
  /** In bfloat16; null where the CPU has none. */
  readonly autocast: Reference | null;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    lengths: { type: 'string', default: '32,64,128' },
    steps: { type: 'string', default: '3' },
    'batch-size': { type: 'string', default: '16' },
    attention: { type: 'string', default: 'sdpa' },
    autocast: { type: 'string', default: 'auto' },
    loss: { type: 'string', default: 'plain' },
    ours: { type: 'string' },
  });
  const lengths = options.lengths.split(',').map((length) => count(length, 'lengths'));
  const steps = count(options.steps, 'steps');
  const threads = count(options.threads, 'threads');
  const batchSize = count(options['batch-size'], 'batch-size');
  const { loss } = options;
  if (!Object.hasOwn(LOSSES, loss) && loss !== MASKED) throw new Error(`--loss is one of ${[...Object.keys(LOSSES), MASKED].join(', ')}`); // prettier-ignore
  if (options.ours) return takePart(options.ours, lengths[0], batchSize, threads, loss);

  const python = referencePython();
  const isAutocast = python !== undefined && (options.autocast === 'yes' || (options.autocast === 'auto' && cpuFlags().some((flag) => /bf16/.test(flag)))); // prettier-ignore
  const folder = mkdtempSync(join(tmpdir(), 'medtext-bench-'));
  const file = join(folder, 'batches.json');
  try {
    const batches = lengths.map((length) => [length, randomBatches(batchSize, length)]);
    writeFileSync(file, JSON.stringify(Object.fromEntries(batches)));
    const rows: Row[] = [];
    for (const length of lengths) {
      const oursArgs = ['--ours', file, '--lengths', `${length}`, '--batch-size', `${batchSize}`, '--loss', loss];
      const ours = await Contestant.ours<Measured>(__filename, [...oursArgs, '--threads', `${threads}`], {
        inHugePages: true,
      });
      const referenceArgs = [file, '--threads', `${threads}`, '--turns', '--loss', loss, '--one', `${length}`, options.attention]; // prettier-ignore
      const started = (more: readonly string[]) => Contestant.reference<Reference>(python!, 'trainStep.py', [...referenceArgs, ...more]); // prettier-ignore
      const reference = python === undefined ? undefined : await started([]);
      const autocast = isAutocast ? await started(['--autocast']) : undefined;
      await alternate([ours, reference, autocast], steps);
      rows.push({
        length,
        ours: await ours.finish(),
        reference: (await reference?.finish()) ?? null,
        autocast: (await autocast?.finish()) ?? null,
      });
    }
    printResult(
      'trainStep',
      {
        threads,
        notes: [
          `batch ${batchSize}, median of ${steps} steps in turn; reference attention: ${options.attention}; loss: ${loss}`,
        ],
        columns: ['tokens', 'ours', 'PyTorch', 'ratio', 'in bfloat16', 'ratio', 'peak', 'its peak', 'ratio', 'cpuShare', 'its cpuShare'], // prettier-ignore
        rows: rows.map(cells),
        figures: rows.flatMap(({ length, ours, reference, autocast }) => {
          const name = `step of ${batchSize} x ${length}, ${loss}`;
          const ratioOf = (of: (side: Measured) => number) =>
            reference && { ratio: of(ours) / of(reference), peer: 'PyTorch' };
          const time = {
            name,
            value: ours.secondsPerStep,
            unit: 's' as const,
            ...ratioOf((side) => side.secondsPerStep),
          };
          const peak = {
            name: `${name}, peak`,
            value: ours.peakRssBytes,
            unit: 'bytes' as const,
            ...ratioOf((side) => side.peakRssBytes),
          };
          const half = autocast && {
            ...{ name: `${name}, against bfloat16`, value: ours.secondsPerStep, unit: 's' as const },
            ...{ ratio: ours.secondsPerStep / autocast.secondsPerStep, peer: 'PyTorch in bfloat16' },
          };
          return [time, peak, ...(half ? [half] : [])];
        }),
        results: rows,
        reference: rows[0].reference?.environment ?? null,
      },
      options.json,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cells({ length, ours, reference, autocast }: Row): string[] {
  const against = (show: (reference: Measured) => string) => (reference ? show(reference) : NONE);
  const againstHalf = (show: (autocast: Measured) => string) => (autocast ? show(autocast) : NONE);
  return [
    `${length}`,
    seconds(ours.secondsPerStep),
    against((r) => seconds(r.secondsPerStep)),
    against((r) => ratio(ours.secondsPerStep / r.secondsPerStep)),
    againstHalf((r) => seconds(r.secondsPerStep)),
    againstHalf((r) => ratio(ours.secondsPerStep / r.secondsPerStep)),
    gigabytes(ours.peakRssBytes),
    against((r) => gigabytes(r.peakRssBytes)),
    against((r) => ratio(ours.peakRssBytes / r.peakRssBytes)),
    share(ours.cpuShare),
    against((r) => share(r.cpuShare)),
  ];
}

/** Our process for one length. */
async function takePart(file: string, length: number, batchSize: number, threads: number, loss: string): Promise<void> {
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, BatchesJson>;
  const batches = batchesOf(json[length]);
  const isMasked = loss === MASKED;
  const learned = isMasked ? { objective: pretraining({ maskedShare: 0.15 }), head: maskedLanguageHead } : { objective: LOSSES[loss] }; // prettier-ignore
  const trainer = await bertBaseTrainer(batchSize, { threads }, learned);
  let step = 0;
  const train = async () => {
    step++;
    const batch = batches[step % batches.length];
    await trainer.step([isMasked ? maskedBatch(batch, step) : batch], step, defaults.optimizer.lr);
  };
  for (let i = 0; i < WARM_UPS; i++) await train();
  await serveTurns(threads, train);
  await trainer.close();
}

runMain(main);
