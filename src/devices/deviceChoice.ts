/** What `device: auto` means on this machine: a small training tries every device, each in a process of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { platform, release } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import type { MedTextError } from '../base/errors';
import { gpuRuntimeIdentity, gpuRuntimeVariables } from '../base/gpuRuntime';
import { untranslated } from '../base/translate';
import { userCacheFolder } from '../base/userFolders';
import { deviceNames, executionDevice } from '../inference/device';
import { refusePrecision, type ScoringPrecision } from '../inference/packedSession';
import { runtimeVersion, supportedDevices, type ExecutionDevice } from '../inference/session';
import { trialText, type DeviceFault, type DeviceTrial } from '../protocol/deviceWords';
import { adapters, nvidiaDriver } from './adapters';

export interface DeviceChoice {
  readonly device: ExecutionDevice;
  readonly trials: readonly DeviceTrial[];
  /** Whether the trials were remembered from an earlier time, on this machine with this runtime and driver. */
  readonly remembered: boolean;
}

export interface ChoiceOptions {
  /** Tries the devices again, whatever is remembered. */
  readonly retest?: boolean;
  readonly cacheFile?: string;
  readonly tryDevice?: (device: ExecutionDevice) => Promise<DeviceTrial>;
  readonly log?: (line: string) => void;
}

const cacheDays = 30;
const trialMs = 90_000;
/** Set in the process of a trial, which tries one device and describes nothing else of the machine. */
export const trialMark = 'MEDTEXT_DEVICE_TRIAL';
/** How many characters of a trial's output are kept. The last ones say why it failed. */
const remarksLength = 20_000;
/** The command line's bundle, which lies beside the one that this file is part of. */
const entry = join(__dirname, 'cli.js');

/** The fastest device whose self-test gave the stored losses; the CPU, if no other is faster. */
export async function chooseDevice(options: ChoiceOptions = {}): Promise<DeviceChoice> {
  const { retest = false, cacheFile = defaultCacheFile(), tryDevice = tryInProcess, log } = options;
  const machine = machineKey();
  const known = retest ? undefined : await remembered(cacheFile, machine);
  if (known) return { device: fastest(known), trials: known, remembered: true };
  // When the sources run without a build, there is no bundle that could try a device.
  if (tryDevice === tryInProcess && !existsSync(entry)) {
    return { device: 'cpu', trials: [{ device: 'cpu', passed: true }], remembered: false };
  }
  const others = candidates();
  if (others.length > 0) log?.(`Comparing ${others.join(', ')} with the CPU, once for this machine …`);
  const trials: DeviceTrial[] = [];
  for (const device of others) trials.push(await tryDevice(device));
  // The CPU is timed only where another device is there to compare with.
  const isContested = trials.some(({ passed }) => passed);
  trials.unshift(isContested ? await tryDevice('cpu') : { device: 'cpu', passed: true });
  await remember(cacheFile, machine, trials);
  return { device: fastest(trials), trials, remembered: false };
}

/** The device that `device: auto` chose when a training asked last; the CPU before that. */
export async function knownDevice(cacheFile = defaultCacheFile()): Promise<ExecutionDevice> {
  const known = await remembered(cacheFile, machineKey());
  return known ? fastest(known) : 'cpu';
}

/**
 * The device that computes in a precision: the named one; where none is named, the CPU for int8 and for float16 what {@link knownDevice} says.
 * @throws MedTextError USAGE where that device does not compute in it; UNSUPPORTED where it is not there
 */
export async function precisionDevice(
  precision: Exclude<ScoringPrecision, 'float32'>,
  named: string,
): Promise<ExecutionDevice> {
  const device = named !== 'auto' ? named : precision === 'int8' ? 'cpu' : await knownDevice();
  refusePrecision(precision, executionDevice(device));
  return executionDevice(device);
}

/** The fastest device that works and is not `lost`; the CPU, if there is none. */
export function fastest(trials: readonly DeviceTrial[], lost: readonly string[] = []): ExecutionDevice {
  const timed = trials.filter(
    ({ device, passed, stepMilliseconds }) => passed && stepMilliseconds !== undefined && !lost.includes(device),
  );
  return (timed.sort((a, b) => a.stepMilliseconds! - b.stepMilliseconds!)[0]?.device ?? 'cpu') as ExecutionDevice;
}

/** Errors that another device may not have: a driver that was reset, a GPU whose memory is full. */
export const isDeviceFailure = ({ code }: MedTextError): boolean => code === 'RUNTIME' || code === 'OUT_OF_MEMORY';

/** The devices other than the CPU for which this platform's runtime has a provider. */
function candidates(): ExecutionDevice[] {
  const here = supportedDevices().map(({ name }) => name);
  return deviceNames.filter(
    (name): name is ExecutionDevice => name !== 'auto' && name !== 'cpu' && here.includes(name),
  );
}

/** One line for each device: which was chosen, and why the others were not. */
export const choiceLines = ({ device, trials }: DeviceChoice): string[] =>
  trials.map((trial) => trialText(trial, trial.device === device, untranslated));

/**
 * The self-test of `medtext doctor` in a process of its own, so that a driver that crashes or hangs stops that process only.
 * @param variables by which that process finds the CUDA libraries
 */
export async function tryInProcess(
  device: ExecutionDevice,
  variables: Readonly<Record<string, string>> = gpuRuntimeVariables(),
  signal?: AbortSignal,
): Promise<DeviceTrial> {
  // One thread and no huge pages for every device: only which is faster by far matters.
  const env = { ...process.env, ...variables, MEDTEXT_NO_RESPAWN: '1', ELECTRON_RUN_AS_NODE: '1', [trialMark]: '1' };
  const child = spawn(process.execPath, [entry, 'doctor', '--device', device, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let remarks = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (remarks = (remarks + text).slice(-remarksLength)));
  const abort = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, trialMs);
  const exit = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: 'that could not be started' }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  clearTimeout(timer);
  signal?.removeEventListener('abort', abort);
  if (isLate) return { device, passed: false, fault: { code: 'tooSlow' } };
  const selfTest = lastAnswer(output)?.selfTest;
  if (!selfTest) {
    return { device, passed: false, fault: { code: 'crashed', detail: exit.signal ?? `code ${exit.code}` } };
  }
  const { passed, stepMilliseconds, error } = selfTest;
  if (passed) return { device, passed, ...(stepMilliseconds !== undefined && { stepMilliseconds }) };
  return { device, passed: false, fault: error ? faultOf(error.message, remarks) : { code: 'otherLosses' } };
}

/** The fields that are read from `medtext doctor --json`. */
interface Answer {
  readonly selfTest?: {
    readonly passed: boolean;
    readonly stepMilliseconds?: number;
    readonly error?: { readonly message: string };
  };
}

function lastAnswer(output: string): Answer | undefined {
  const line = output.trim().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return undefined;
  }
}

/** The runtime's own messages name its source lines; a code is something that a person can search for. */
export function faultOf(message: string, remarks = ''): DeviceFault {
  if (/No supported adapters|Failed to get a WebGPU adapter/i.test(message)) return { code: 'noAdapter' };
  if (/Failed to load (shared )?library/i.test(message)) {
    // The provider writes the reason to its log alone: a missing library, or one that this system cannot load.
    const why = /Failed to load library \S+ with error: ([^\n\x1b]+)/.exec(remarks)?.[1].trim();
    const missing = /^(\S+): cannot open shared object file: No such file/.exec(why ?? '')?.[1];
    if (why !== undefined && missing === undefined) return { code: 'failed', detail: why.slice(0, 200) };
    // That the runtime's own libraries are missing is already known.
    const isAnother = missing !== undefined && !missing.includes('libonnxruntime_providers');
    return { code: 'noLibraries', ...(isAnother && { detail: missing }) };
  }
  if (/out of memory|failed to allocate/i.test(message)) return { code: 'outOfMemory' };
  const cuda = /CUDA failure \d+: ([^;]+?) ;/.exec(message)?.[1];
  if (cuda !== undefined) return { code: 'failed', detail: `CUDA: ${cuda}` };
  return { code: 'failed', detail: message.split('\n')[0].slice(0, 200) };
}

/** What the trials depend on: the runtime, the system, the adapters and their driver. */
function machineKey(): string {
  const driver = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES ?? '';
  return [
    // The encoder that is timed: with another one, another device may be the fastest.
    '4 layers of 768',
    runtimeVersion(),
    platform(),
    process.arch,
    release(),
    driver,
    ...adapters().map(({ name }) => name),
    nvidiaDriver(),
    gpuRuntimeIdentity(),
  ].join('\n');
}

function defaultCacheFile(): string {
  return join(userCacheFolder(), 'devices.json');
}

interface Remembered {
  readonly format: 1;
  readonly machine: string;
  readonly testedAt: string;
  readonly trials: readonly DeviceTrial[];
}

async function remembered(file: string, machine: string): Promise<readonly DeviceTrial[] | undefined> {
  try {
    const known = JSON.parse(await readFile(file, 'utf8')) as Remembered;
    const isFresh = Date.now() - Date.parse(known.testedAt) < cacheDays * 86_400_000;
    const isOurs = known.format === 1 && known.machine === machine && isFresh;
    const names = new Set<string>(deviceNames);
    return isOurs && known.trials.every(({ device }) => names.has(device)) ? known.trials : undefined;
  } catch {
    return undefined;
  }
}

/** Where the cache folder cannot be written to, the trials are made again the next time. */
async function remember(file: string, machine: string, trials: readonly DeviceTrial[]): Promise<void> {
  const content: Remembered = { format: 1, machine, testedAt: new Date().toISOString(), trials };
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, `${JSON.stringify(content, undefined, 2)}\n`);
  } catch {
    // The trials are made again the next time.
  }
}
