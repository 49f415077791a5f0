/** Checks whether training works on this machine: describes the machine, and runs a small training with a known result. */
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os';
import { asMedTextError, plainError } from '../base/errors';
import { gpuRuntimeState, type GpuRuntimeState } from '../base/gpuRuntime';
import type { PlainWords } from '../base/words';
import { keyOf, RandomStream } from '../base/random';
import { untranslated } from '../base/translate';
import { adviceText, type DeviceAdvice } from '../protocol/deviceWords';
import { processorThreads } from './processorThreads';
import { executionDevice } from '../inference/device';
import { runtimeVersion, supportedDevices, type ExecutionDevice, type SessionOptions } from '../inference/session';
import { bertNetwork } from '../models/encoder';
import type { EncoderConfig } from '../models/encoderConfig';
import { encoderParameterSpecs } from '../models/parameterNames';
import { Parameters } from '../models/parameters';
import { sequenceHead } from '../models/heads/sequence';
import { createTrainer } from '../steps/createTrainer';
import { crossEntropy } from '../tasks/losses/crossEntropy';
import { chooseDevice, trialMark, type ChoiceOptions, type DeviceChoice } from './deviceChoice';
import { askedAdapters, type Adapter } from './adapters';
import { adviceOn } from './deviceAdvice';
import type { Batch } from '../steps/trainingSteps';

/** The output of `medtext doctor --json`, which is a contract. */
export interface Diagnosis {
  readonly node: string;
  /** The platform, such as `linux x64 6.1.0`. */
  readonly platform: string;
  readonly cpu: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** ONNX Runtime's version; null when it cannot be loaded. */
  readonly onnxruntime: string | null;
  /** The execution providers of this platform's runtime. */
  readonly providers: readonly string[];
  /** The graphics adapters that the system and the drivers report. */
  readonly adapters: readonly Adapter[];
  /** The CUDA libraries that `medtext gpu-runtime` installed. */
  readonly gpuRuntime: {
    readonly state: GpuRuntimeState['kind'];
    readonly cuda?: number;
    readonly runtimeVersion?: string;
  };
  /** What `device: auto` is here, and why; absent when one device was asked for, or the runtime cannot be loaded. */
  readonly choice?: DeviceChoice;
  /** What would make training faster, in English; {@link adviceCodes} has the same as codes. */
  readonly advice: readonly string[];
  readonly adviceCodes: readonly DeviceAdvice[];
  readonly selfTest: SelfTest;
}

export interface SelfTest {
  readonly device: string;
  readonly passed: boolean;
  /** The losses of the steps, and the right ones. */
  readonly losses: readonly number[];
  readonly expected: readonly number[];
  readonly milliseconds: number;
  /** Milliseconds of a training step of a small encoder (4 layers, 768 wide, 16 rows of 32 tokens), of a device that passed. */
  readonly stepMilliseconds?: number;
  readonly error?: { readonly code: string; readonly message: string; readonly words?: PlainWords };
}

const STEPS = 5;
/**
 * The losses of the self-test's steps, as PyTorch 2 with transformers' BertForSequenceClassification and AdamW computes
 * them (test/fixtures/doctor).
 */
const EXPECTED_LOSSES: readonly number[] = [1.3385371, 1.0244043, 0.8559271, 0.7543455, 0.6778749];
const TOLERANCE = 2e-4;

const CONFIG: EncoderConfig = {
  modelType: 'bert',
  vocabSize: 50,
  hiddenSize: 16,
  layerCount: 2,
  headCount: 2,
  intermediateSize: 32,
  activation: 'gelu',
  maxPositions: 16,
  typeVocabSize: 2,
  positionOffset: 0,
  padTokenId: 0,
  layerNormEps: 1e-12,
  hiddenDropout: 0,
  attentionDropout: 0,
  classifierDropout: 0,
  initializerRange: 0.2,
};

/** @throws MedTextError USAGE for an unknown device; every other fault is part of the diagnosis. */
export async function diagnose(
  options: { device?: string; threads?: number; tryDevice?: ChoiceOptions['tryDevice'] } = {},
): Promise<Diagnosis> {
  let onnxruntime: string | null = null;
  let providers: string[] = [];
  try {
    onnxruntime = runtimeVersion();
    providers = supportedDevices().map(({ name }) => name);
  } catch {
    // The self-test below gives the reason.
  }
  const found = process.env[trialMark] === '1' ? [] : await askedAdapters();
  const installed = gpuRuntimeState();
  const { device = 'auto', threads, tryDevice } = options;
  const choice = device === 'auto' && onnxruntime ? await chooseDevice({ retest: true, tryDevice }) : undefined;
  const codes = choice ? adviceOn(choice, found, { gpuRuntime: installed.kind }) : [];
  return {
    node: process.version,
    platform: `${platform()} ${arch()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads: options.threads || processorThreads() || availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    onnxruntime,
    providers,
    adapters: found,
    gpuRuntime: {
      state: installed.kind,
      ...(installed.kind !== 'none' && {
        cuda: installed.record.cuda,
        runtimeVersion: installed.record.runtimeVersion,
      }),
    },
    ...(choice && { choice }),
    advice: codes.map((code) => adviceText(code, untranslated)),
    adviceCodes: codes,
    selfTest: await selfTest({ device: choice?.device ?? device, threads }),
  };
}

async function selfTest({ device, threads }: { device?: string; threads?: number }): Promise<SelfTest> {
  const started = performance.now();
  const test = { device: device ?? 'auto', expected: EXPECTED_LOSSES };
  const milliseconds = () => Math.round(performance.now() - started);
  try {
    const resolved = executionDevice(device);
    const losses = await selfTestLosses(resolved, threads);
    const passed = losses.every((loss, i) => Math.abs(loss - EXPECTED_LOSSES[i]) <= TOLERANCE);
    const took = milliseconds();
    const stepMilliseconds = passed ? await stepTime(resolved, threads) : undefined;
    return { ...test, device: resolved, passed, losses, milliseconds: took, ...(passed && { stepMilliseconds }) };
  } catch (error) {
    const failure = asMedTextError(error);
    if (failure.code === 'USAGE') throw error;
    return { ...test, passed: false, losses: [], milliseconds: milliseconds(), error: plainError(failure) };
  }
}

/** The encoder that is timed: a third of BERT-base. A smaller one would not fill a GPU and would measure its calls alone. */
const SPEED_CONFIG: EncoderConfig = {
  ...CONFIG,
  vocabSize: 1000,
  layerCount: 4,
  hiddenSize: 768,
  headCount: 12,
  intermediateSize: 3072,
  maxPositions: 32,
};
/** A smaller shape, which is tried first: a device that is slow with it would take a minute with the other. */
const SMALL_CONFIG: EncoderConfig = { ...SPEED_CONFIG, layerCount: 2, hiddenSize: 256, headCount: 4, intermediateSize: 1024 }; // prettier-ignore
const SLOW_MS = 300;
const workOf = ({ layerCount, hiddenSize, intermediateSize }: EncoderConfig): number =>
  layerCount * hiddenSize * (4 * hiddenSize + 2 * intermediateSize);

/** Milliseconds that separate a GPU from a driver in software, whose time is then only estimated. */
async function stepTime(device: ExecutionDevice, threads?: number): Promise<number> {
  const small = await timeOf(SMALL_CONFIG, device, threads);
  if (small > SLOW_MS) return (small * workOf(SPEED_CONFIG)) / workOf(SMALL_CONFIG);
  return timeOf(SPEED_CONFIG, device, threads);
}

/** The median of three steps after two others, or an eighth of a run of eight steps. */
async function timeOf(config: EncoderConfig, device: ExecutionDevice, threads?: number): Promise<number> {
  const parameters = new Parameters([...encoderParameterSpecs(config), ...sequenceHead.specs(config, 3)]);
  fillInTiles(parameters, 0.05);
  const random = new RandomStream(keyOf(8, 1));
  const length = config.maxPositions;
  const examples = Array.from({ length: 16 }, (_, row) => {
    const inputIds = Int32Array.from({ length }, () => 1 + random.integer(999));
    return { encoded: { inputIds, tokenTypeIds: new Int32Array(length), length, truncated: false }, target: row % 3 };
  });
  const trainer = await selfTestTrainer(config, parameters, examples.length, { device, threads: threads || undefined });
  const atOnce = trainer.steps ? 8 : 1;
  try {
    const times: number[] = [];
    for (let step = 1; times.length < (atOnce > 1 ? 3 : 5); step += atOnce) {
      const planned = Array.from({ length: atOnce }, (_, i) => ({ step: step + i, batches: [{ examples, length }], learningRate: 1e-4 })); // prettier-ignore
      const started = performance.now();
      if (trainer.steps) await trainer.steps(planned);
      else await trainer.step(planned[0].batches, step, 1e-4);
      times.push((performance.now() - started) / atOnce);
      // The device is clearly slow.
      if (times.length > 1 && times.at(-1)! * atOnce > 5000) return times.at(-1)!;
    }
    const measured = times.slice(atOnce > 1 ? 1 : 2).sort((a, b) => a - b);
    return measured[(measured.length - 1) >> 1];
  } finally {
    await trainer.close();
  }
}

/** Repeats a few thousand random numbers, since drawing 28 million would take longer than the steps. */
function fillInTiles(parameters: Parameters, scale: number): void {
  const random = new RandomStream(keyOf(7, 2000));
  const tile = Float32Array.from({ length: 4096 }, () => (2 * random.uniform() - 1) * scale);
  for (const spec of parameters.specs) {
    const values = parameters.values(spec.name);
    if (spec.initial === 'ones') values.fill(1);
    else for (let at = 0; at < values.length; at += tile.length) values.set(tile.subarray(0, values.length - at), at);
  }
}

/** Five steps of a two-layer encoder on one batch of made-up tokens, all parameters trained. */
export async function selfTestLosses(device: ExecutionDevice, threads?: number): Promise<number[]> {
  const { parameters, batch } = selfTestMaterial();
  const trainer = await selfTestTrainer(CONFIG, parameters, batch.examples.length, {
    device,
    threads: threads || undefined,
  });
  try {
    const losses: number[] = [];
    for (let step = 1; step <= STEPS; step++) losses.push((await trainer.step([batch], step, 1e-2)).loss);
    return losses;
  } finally {
    await trainer.close();
  }
}

function selfTestTrainer(config: EncoderConfig, parameters: Parameters, batchSize: number, session: SessionOptions) {
  return createTrainer({
    network: bertNetwork(config, sequenceHead, 3),
    parameters,
    trained: new Set(parameters.names),
    objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
    adamW: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, decays: (name) => !/bias|LayerNorm/.test(name) },
    maxGradientNorm: 1,
    batchSize,
    seed: 0,
    padTokenId: 0,
    session,
  });
}

/** Uniform numbers are the same to the last bit on every platform; logarithms and cosines need not be. */
function fillUniform(parameters: Parameters, scale: number): void {
  for (const [index, spec] of parameters.specs.entries()) {
    const random = new RandomStream(keyOf(7, index));
    const values = parameters.values(spec.name);
    for (let i = 0; i < values.length; i++) {
      const drawn = (2 * random.uniform() - 1) * scale;
      values[i] = spec.initial === 'ones' ? 1 + drawn / 3 : drawn;
    }
  }
}

/** Weights and a batch from the counter-based generator, equal on every platform. */
export function selfTestMaterial(): { parameters: Parameters; batch: Batch; config: EncoderConfig } {
  const parameters = new Parameters([...encoderParameterSpecs(CONFIG), ...sequenceHead.specs(CONFIG, 3)]);
  fillUniform(parameters, 0.3);
  const random = new RandomStream(keyOf(7, 1000));
  const length = 12;
  const examples = [12, 9, 7, 12, 5].map((used) => {
    const inputIds = Int32Array.from({ length: used }, () => 1 + random.integer(49));
    const tokenTypeIds = Int32Array.from({ length: used }, (_, i) => (i > used / 2 ? 1 : 0));
    return { encoded: { inputIds, tokenTypeIds, length: used, truncated: false }, target: random.integer(3) };
  });
  return { parameters, batch: { examples, length }, config: CONFIG };
}
