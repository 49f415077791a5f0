/**
 * AdamW on several threads. The moments lie in memory that all of them share. Each parameter has one thread: its values and its
 * gradient move there and back in every step, without a copy, since the runtime's binding refuses memory that threads share
 * (bench/README.md). What is computed for an element does not depend on who computes it, so the number of threads changes no bit.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { MedTextError } from '../base/errors';
import type { Parameters, ParameterSpec } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import { AdamW, kernelRates, PIECE, requireLength, SCRATCH_BYTES, zeroMoments, type AdamWOptions, type AdamWStep, type Gradient, type KernelRates, type Moments } from './adamW'; // prettier-ignore
import { ADAM_W_KERNEL } from './adamWKernel';

/** A bound on threads: four of them read and write some 60 GB/s, and more would wait for memory. */
const MOST_THREADS = 4;
/** Elements a thread, so that they take several times as long (7 ms) as the way there and back. */
const MIN_ELEMENTS = 4e6;
/** How many elements of a parameter with row gradients take the time of one other element, since most rows only decay. */
const ROWS_ARE_FASTER = 3;

export interface ThreadOptions {
  /** The calling one included; absent: as many of the cores as pay off. */
  readonly threads?: number;
  /** That the training may use; absent: all of the machine. */
  readonly cores?: number;
  /** Parameters whose gradients may be rows: the calling thread updates them. */
  readonly rowParameters: ReadonlySet<string>;
}

export class ThreadedAdamW {
  private constructor(
    private readonly parameters: Parameters,
    private readonly own: AdamW,
    private readonly threads: readonly UpdateThread[],
    private readonly options: AdamWOptions,
  ) {}

  /** With moments of zeros for the parameters that `specs` name. */
  static async create(
    parameters: Parameters,
    specs: readonly ParameterSpec[],
    options: AdamWOptions,
    { threads, cores = availableParallelism(), rowParameters }: ThreadOptions,
  ): Promise<ThreadedAdamW> {
    const shares = sharesOf(specs, threads ?? worthwhileThreads(specs, cores), rowParameters);
    const moments = zeroMoments(specs, 1 + shares.length);
    const started = moments.memory ? await startThreads(shares, moments.memory) : [];
    return new ThreadedAdamW(parameters, new AdamW(parameters, moments, options), started, options);
  }

  get moments(): Moments {
    return this.own.moments;
  }

  /** One update of every parameter that has a gradient. The arrays of gradients are no longer the caller's. */
  async update(gradients: ReadonlyMap<string, Gradient>, step: AdamWStep): Promise<void> {
    const { parameters, own, threads, options } = this;
    const isAway = new Set(threads.flatMap(({ names }) => names));
    const rest = new Map([...gradients].filter(([name]) => !isAway.has(name)));
    const working = threads.map((thread) => thread.update(parameters, own.moments, gradients, options, step));
    await Promise.all([...working, (async () => own.update(rest, step))()]);
  }

  async close(): Promise<void> {
    for (const thread of this.threads) await thread.close();
  }
}

function worthwhileThreads(specs: readonly ParameterSpec[], cores: number): number {
  const elements = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return Math.max(1, Math.min(cores, MOST_THREADS, Math.floor(elements / MIN_ELEMENTS)));
}

/** The names of the parameters for each thread but the calling one. With its rest, all have about the same work. */
function sharesOf(
  specs: readonly ParameterSpec[],
  threads: number,
  rowParameters: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const shares = Array.from({ length: threads }, () => ({ names: [] as string[], work: 0 }));
  const workOf = ({ name, shape }: ParameterSpec) => elementCount(shape) / (rowParameters.has(name) ? ROWS_ARE_FASTER : 1); // prettier-ignore
  const [ofRows, others] = [true, false].map((is) => specs.filter(({ name }) => rowParameters.has(name) === is));
  for (const spec of ofRows) shares[0].work += workOf(spec);
  for (const spec of others.sort((a, b) => workOf(b) - workOf(a))) {
    const least = shares.reduce((a, b) => (b.work < a.work ? b : a));
    least.names.push(spec.name);
    least.work += workOf(spec);
  }
  return shares.slice(1).flatMap(({ names }) => (names.length > 0 ? [names] : []));
}

/** The threads; none where the system has no room for one of them. */
async function startThreads(
  shares: readonly (readonly string[])[],
  memory: WebAssembly.Memory,
): Promise<UpdateThread[]> {
  const started: UpdateThread[] = [];
  try {
    for (const [place, names] of shares.entries()) started.push(await UpdateThread.start(names, memory, place + 1));
    return started;
  } catch {
    for (const thread of started) await thread.close();
    return [];
  }
}

// A string, not a function's text: a bundler may rename or wrap functions, and the thread has none of its helpers.
// Values and gradients go back with the answer, so that the main thread collects their memory.
const threadScript = `
const { parentPort, workerData: { kernel, memory, scratch, piece } } = require('node:worker_threads');
const { update } = new WebAssembly.Instance(new WebAssembly.Module(kernel), { host: { memory } }).exports;
const [p, g] = [0, 1].map((place) => new Float32Array(memory.buffer, scratch + 4 * place * piece, piece));
const answer = (tasks) => parentPort.postMessage(tasks, tasks.flatMap(({ values, gradient }) => [values.buffer, gradient.buffer]));
parentPort.on('message', (tasks) => {
  for (const { values, gradient, m, v, rates } of tasks) {
    for (let at = 0; at < values.length; at += piece) {
      const to = Math.min(at + piece, values.length);
      p.set(values.subarray(at, to));
      g.set(gradient.subarray(at, to));
      update(Math.ceil((to - at) / 4) * 16, p.byteOffset, m + 4 * at, v + 4 * at, g.byteOffset, ...rates);
      values.set(p.subarray(0, to - at), at);
    }
  }
  answer(tasks);
});
answer([]);
`;

/** A parameter to update. Its arrays move to the thread, and back with the answer. */
interface Task {
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  /** The addresses of its moments in the memory that is shared. */
  readonly m: number;
  readonly v: number;
  readonly rates: KernelRates;
}

/** A thread that updates its parameters. */
class UpdateThread {
  private failure: Error | undefined;
  private waiting: { resolve: (tasks: readonly Task[]) => void; reject: (error: Error) => void } | undefined;

  private constructor(
    private readonly worker: Worker,
    readonly names: readonly string[],
  ) {
    const fail = (cause?: unknown) => {
      this.failure ??= new MedTextError('INTERNAL', 'A thread of the optimiser has ended.', {}, { cause });
      this.waiting?.reject(this.failure);
    };
    worker.on('message', (tasks: readonly Task[]) => this.waiting?.resolve(tasks));
    worker.on('error', fail);
    worker.on('exit', () => fail());
  }

  /**
   * @param place of its scratch among the threads'
   * @throws where there is no room for it
   */
  static async start(names: readonly string[], memory: WebAssembly.Memory, place: number): Promise<UpdateThread> {
    const kernel = Buffer.from(ADAM_W_KERNEL, 'base64');
    const workerData = { kernel, memory, scratch: place * SCRATCH_BYTES, piece: PIECE };
    const thread = new UpdateThread(new Worker(threadScript, { eval: true, workerData, execArgv: [] }), names);
    await thread.answer();
    return thread;
  }

  async update(
    parameters: Parameters,
    { firstMoments, secondMoments }: Moments,
    gradients: ReadonlyMap<string, Gradient>,
    options: AdamWOptions,
    step: AdamWStep,
  ): Promise<void> {
    if (this.failure) throw this.failure;
    const names = this.names.filter((name) => gradients.has(name));
    const tasks = names.map((name): Task => {
      const [values, gradient] = [parameters.values(name), gradients.get(name) as Float32Array];
      requireLength(name, gradient, values);
      const [m, v] = [firstMoments, secondMoments].map((moments) => moments.values(name).byteOffset);
      return { values, gradient, m, v, rates: kernelRates(name, options, step) };
    });
    this.worker.postMessage(tasks, tasks.flatMap(({ values, gradient }) => [values, gradient].map(({ buffer }) => buffer as ArrayBuffer))); // prettier-ignore
    const answer = await this.answer();
    names.forEach((name, i) => parameters.replace(name, answer[i].values));
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  /** Only while somebody waits for it does the thread keep the process alive. */
  private async answer(): Promise<readonly Task[]> {
    this.worker.ref();
    try {
      return await new Promise((resolve, reject) => (this.waiting = { resolve, reject }));
    } finally {
      this.waiting = undefined;
      this.worker.unref();
    }
  }
}
