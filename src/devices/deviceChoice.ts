/** What `device: auto` means on this machine: every device is tried by a small training, in a process of its own. */
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
import { deviceNames } from '../inference/device';
import { runtimeVersion, supportedDevices, type ExecutionDevice } from '../inference/session';
import { trialText, type DeviceFault, type DeviceTrial } from '../protocol/deviceWords';
import { adapters, nvidiaDriver } from './adapters';

export interface DeviceChoice {
  readonly device: ExecutionDevice;
  readonly trials: readonly DeviceTrial[];
  /** Whether the trials are of an earlier time, on this machine with this runtime and driver. */
  readonly remembered: boolean;
}

export interface ChoiceOptions {
  /** Tries again, whatever is remembered. */
  readonly retest?: boolean;
  readonly cacheFile?: string;
  readonly tryDevice?: (device: ExecutionDevice) => Promise<DeviceTrial>;
  readonly log?: (line: string) => void;
}

const cacheDays = 30;
const trialMs = 90_000;
/** Set in a trial's process, which is asked for one device and nothing of the machine. */
export const trialMark = 'MEDTEXT_DEVICE_TRIAL';
/** Characters of a trial's remarks that are kept: the last ones say why it failed. */
const remarksLength = 20_000;
/** Beside the bundle that this is part of. */
const entry = join(__dirname, 'cli.js');

/** The fastest device whose self-test gave the stored losses; the CPU, if none is faster. */
export async function chooseDevice(options: ChoiceOptions = {}): Promise<DeviceChoice> {
  const { retest = false, cacheFile = defaultCacheFile(), tryDevice = tryInProcess, log } = options;
  const machine = machineKey();
  const known = retest ? undefined : await remembered(cacheFile, machine);
  if (known) return { device: fastest(known), trials: known, remembered: true };
  // In the sources there is no program to try a device with.
  if (tryDevice === tryInProcess && !existsSync(entry)) {
    return { device: 'cpu', trials: [{ device: 'cpu', passed: true }], remembered: false };
  }
  const others = candidates();
  if (others.length > 0) log?.(`Trying ${others.join(', ')} against the CPU, once for this machine …`);
  const trials: DeviceTrial[] = [];
  for (const device of others) trials.push(await tryDevice(device));
  // The CPU's time is of interest only if there is something to compare it with.
  const isContested = trials.some(({ passed }) => passed);
  trials.unshift(isContested ? await tryDevice('cpu') : { device: 'cpu', passed: true });
  await remember(cacheFile, machine, trials);
  return { device: fastest(trials), trials, remembered: false };
}

/** What `device: auto` came to when a training asked last; the CPU, before any did. */
export async function knownDevice(cacheFile = defaultCacheFile()): Promise<ExecutionDevice> {
  const known = await remembered(cacheFile, machineKey());
  return known ? fastest(known) : 'cpu';
}

/** Of those that work and are not `lost`; the CPU, if none is. */
export function fastest(trials: readonly DeviceTrial[], lost: readonly string[] = []): ExecutionDevice {
  const timed = trials.filter(
    ({ device, passed, stepMilliseconds }) => passed && stepMilliseconds !== undefined && !lost.includes(device),
  );
  return (timed.sort((a, b) => a.stepMilliseconds! - b.stepMilliseconds!)[0]?.device ?? 'cpu') as ExecutionDevice;
}

/** A driver that was reset, a GPU without memory: what another device may still do. */
export const isDeviceFailure = ({ code }: MedTextError): boolean => code === 'RUNTIME' || code === 'OUT_OF_MEMORY';

/** The devices but the CPU that this platform's runtime has a provider for. */
function candidates(): ExecutionDevice[] {
  const here = supportedDevices().map(({ name }) => name);
  return deviceNames.filter(
    (name): name is ExecutionDevice => name !== 'auto' && name !== 'cpu' && here.includes(name),
  );
}

/** One line a device: what was chosen, and why the others fell out. */
export const choiceLines = ({ device, trials }: DeviceChoice): string[] =>
  trials.map((trial) => trialText(trial, trial.device === device, untranslated));

/**
 * The self-test of `medtext doctor` in a process of its own: a driver that crashes or hangs takes nothing with it.
 * @param variables by which the process finds the CUDA libraries
 */
export async function tryInProcess(
  device: ExecutionDevice,
  variables: Readonly<Record<string, string>> = gpuRuntimeVariables(),
  signal?: AbortSignal,
): Promise<DeviceTrial> {
  // One thread and no huge pages for all: what counts is which is faster by far.
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

/** What is read of `medtext doctor --json`. */
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

/** The runtime's own words name its source lines; a code says what a person can look for. */
export function faultOf(message: string, remarks = ''): DeviceFault {
  if (/No supported adapters|Failed to get a WebGPU adapter/i.test(message)) return { code: 'noAdapter' };
  if (/Failed to load (shared )?library/i.test(message)) {
    // Why, it tells its log alone: a library that is missing, or one that cannot be loaded on this system.
    const why = /Failed to load library \S+ with error: ([^\n\x1b]+)/.exec(remarks)?.[1].trim();
    const missing = /^(\S+): cannot open shared object file: No such file/.exec(why ?? '')?.[1];
    if (why !== undefined && missing === undefined) return { code: 'failed', detail: why.slice(0, 200) };
    // That its own are not there is no news.
    const isAnother = missing !== undefined && !missing.includes('libonnxruntime_providers');
    return { code: 'noLibraries', ...(isAnother && { detail: missing }) };
  }
  if (/out of memory|failed to allocate/i.test(message)) return { code: 'outOfMemory' };
  const cuda = /CUDA failure \d+: ([^;]+?) ;/.exec(message)?.[1];
  if (cuda !== undefined) return { code: 'failed', detail: `CUDA: ${cuda}` };
  return { code: 'failed', detail: message.split('\n')[0].slice(0, 200) };
}

/** What the trials depend on: runtime, system, adapters and their driver. */
function machineKey(): string {
  const driver = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES ?? '';
  return [
    // What is timed: with another encoder, another device may be the fastest.
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

/** A cache folder that cannot be written to costs the trials again, nothing more. */
async function remember(file: string, machine: string, trials: readonly DeviceTrial[]): Promise<void> {
  const content: Remembered = { format: 1, machine, testedAt: new Date().toISOString(), trials };
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, `${JSON.stringify(content, undefined, 2)}\n`);
  } catch {
    // Asked again next time.
  }
}
