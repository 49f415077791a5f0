/** Milliseconds and device memory of a training step of BERT-base on a GPU, against PyTorch's on the same card. See USAGE. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hugePages } from '../src/base/hugePages';
import { adapters, cardMemory } from '../src/devices/adapters';
import { buffersAreFew } from '../src/steps/memoryEstimate';
import { crossEntropy } from '../src/tasks/losses/crossEntropy';
import { bertBase, bertBaseTrainer, defaults, LABELS } from './support/bertBase';
import { referencePython } from './support/contestant';
import { batchesOf, randomBatches } from './support/randomBatches';
import { benchOptions, count, NONE, printResult, ratio, runMain } from './support/report';
import type { Precision } from '../src/inference/productStyle';
import type { ExecutionDevice } from '../src/inference/session';

const USAGE = `npm run bench:gpu -- [--devices webgpu,webgpu:float16,cuda,cuda:tf32,cuda:float16] [--sizes 16x32,32x64,32x128] [--seconds 8] [--modes fp32,tf32,bf16] [--json FILE]

A training step of a BERT-base-sized encoder, all parameters trained, with dropout, clipping and AdamW, of so many rows
times tokens; float32 unless a precision stands behind the device. Each measurement has a process, and the card, to
itself. A step's time is the mean over the seconds, after a warm-up; where several steps are one run, what goes there and
back with a run is part of it. The reference is PyTorch + transformers (sdpa), without clipping: fp32 (its default), tf32
(matrix products in TF32) and bf16 (autocast). Memory is what nvidia-smi says is used.`;

interface Ours {
  readonly millisecondsPerStep: number;
  readonly stepsPerRun: number;
  readonly loss: number;
}

interface Measured {
  readonly millisecondsPerStep: number;
  readonly peakBytes: number | undefined;
  readonly stepsPerRun?: number;
  readonly error?: string;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    devices: { type: 'string', default: 'webgpu,webgpu:float16,cuda,cuda:tf32,cuda:float16' },
    sizes: { type: 'string', default: '16x32,32x64,32x128' },
    seconds: { type: 'string', default: '8' },
    modes: { type: 'string', default: 'fp32,tf32,bf16' },
    ours: { type: 'string' },
  });
  const seconds = count(options.seconds, 'seconds');
  if (options.ours) return takePart(options.ours, sizeOf(options.sizes), seconds);

  const python = options.modes === '' ? undefined : referencePython();
  const devices = options.devices.split(',').filter((name) => name !== '');
  const modes = python ? options.modes.split(',') : [];
  const results: { size: string; ours: Record<string, Measured>; reference: Record<string, Measured> }[] = [];
  for (const size of options.sizes.split(',')) {
    const each: (typeof results)[number] = { size, ours: {}, reference: {} };
    const common = ['--sizes', size, '--seconds', `${seconds}`];
    for (const device of devices) {
      const args = [...process.execArgv, __filename, '--ours', device, ...common];
      each.ours[device] = await measured(process.execPath, args, hugePages());
      console.error(size, device, JSON.stringify(each.ours[device]));
    }
    for (const mode of modes) {
      const script = join(__dirname, 'reference', 'trainStepGpu.py');
      each.reference[mode] = await measured(python!, [script, '--mode', mode, ...common]);
      console.error(size, mode, JSON.stringify(each.reference[mode]));
    }
    results.push(each);
  }
  const milliseconds = (one: Measured | undefined) => (!one ? NONE : (one.error ?? one.millisecondsPerStep.toFixed(1)));
  const memory = (one: Measured | undefined) => (one?.peakBytes ? (one.peakBytes / 1e9).toFixed(1) : NONE);
  printResult(
    'gpuStep',
    {
      threads: count(options.threads, 'threads'),
      notes: [`ms a step (GB of the card's memory); ratio: ours over PyTorch's fp32. ${adapters().map(({ name }) => name).join(', ')}`], // prettier-ignore
      columns: ['rows x tokens', ...devices.flatMap((device) => [device, 'GB', 'ratio']), ...modes.flatMap((mode) => [`PyTorch ${mode}`, 'GB'])], // prettier-ignore
      rows: results.map(({ size, ours, reference }) => [
        size,
        ...devices.flatMap((device) => [
          milliseconds(ours[device]),
          memory(ours[device]),
          reference.fp32 && !ours[device].error ? ratio(ours[device].millisecondsPerStep / reference.fp32.millisecondsPerStep) : NONE, // prettier-ignore
        ]),
        ...modes.flatMap((mode) => [milliseconds(reference[mode]), memory(reference[mode])]),
      ]),
      results,
      reference: null,
    },
    options.json,
  );
}

/** A process that measures itself, and how much of the GPU's memory is in use while it runs, more than before it. */
async function measured(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Measured> {
  const before = usedBytes();
  let peak = before ?? 0;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors = (errors + data).slice(-2000)));
  const timer = setInterval(() => (peak = Math.max(peak, usedBytes() ?? 0)), 500);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  const peakBytes = before === undefined ? undefined : peak - before;
  try {
    return { ...(JSON.parse(output.trim().split('\n').at(-1)!) as Ours), peakBytes };
  } catch {
    console.error(errors);
    return { millisecondsPerStep: NaN, peakBytes, error: `failed (${String(code)})` };
  }
}

function usedBytes(): number | undefined {
  const { stdout, status } = spawnSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits'], { encoding: 'utf8' }); // prettier-ignore
  return status === 0 ? Number(stdout.split('\n')[0]) * 2 ** 20 : undefined;
}

function sizeOf(text: string): { rows: number; length: number } {
  const [rows, length] = text.split('x').map((part) => count(part, 'sizes'));
  return { rows, length };
}

/** Our process for one device and size. */
async function takePart(contestant: string, { rows, length }: { rows: number; length: number }, seconds: number) {
  const batches = batchesOf(randomBatches(rows, length));
  const [device, precision] = contestant.split(':') as [ExecutionDevice, Precision | undefined];
  const { network, parameters } = await bertBase();
  const options = {
    network,
    specs: parameters.specs,
    trained: new Set(parameters.names),
    objective: crossEntropy({ labelCount: LABELS, labelSmoothing: 0 }),
  };
  const session = {
    device,
    allowTf32: precision === 'tf32',
    keepsBuffers: buffersAreFew(options, rows, [length], await cardMemory()),
  };
  const trainer = await bertBaseTrainer(rows, session, { lengths: [length], precision });
  let step = 0;
  let loss = NaN;
  const run = async () => {
    const planned = Array.from({ length: trainer.stepsAtOnce ?? 1 }, () => {
      step++;
      return { step, batches: [batches[step % batches.length]], learningRate: defaults.optimizer.lr };
    });
    const from = performance.now();
    if (trainer.steps) loss = (await trainer.steps(planned)).at(-1)!.loss;
    else for (const each of planned) loss = (await trainer.step(each.batches, each.step, each.learningRate)).loss;
    return { steps: planned.length, milliseconds: performance.now() - from };
  };
  // Until runs have the length that they will keep.
  for (let before = 0, warm = 0; warm < 4; before = (await run()).steps) {
    warm = (trainer.stepsAtOnce ?? 1) <= 1.2 * before ? warm + 1 : 0;
  }
  let done = { steps: 0, milliseconds: 0 };
  let stepsPerRun = 1;
  while (done.milliseconds < seconds * 1000) {
    const { steps, milliseconds } = await run();
    done = { steps: done.steps + steps, milliseconds: done.milliseconds + milliseconds };
    stepsPerRun = steps;
  }
  const ours: Ours = { millisecondsPerStep: done.milliseconds / done.steps, stepsPerRun, loss };
  await trainer.close();
  console.log(JSON.stringify(ours));
}

runMain(main);
