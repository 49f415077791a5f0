import { sizeText } from '../base/sizeText';
import type { Translate } from '../base/translate';
import { errorText, type ToldError } from '../protocol/errorWords';
import { adviceText, deviceAdviceCodes, trialText, type DeviceTrial } from '../protocol/deviceWords';

/** The part of `medtext doctor --json` that the report shows. Another version's output may lack fields. */
export interface DeviceFacts {
  readonly onnxruntime?: string | null;
  readonly providers?: readonly string[];
  readonly node?: string;
  readonly platform?: string;
  readonly cpu?: string;
  readonly threads?: number;
  readonly memoryBytes?: number;
  readonly freeMemoryBytes?: number;
  readonly adapters?: readonly { readonly name: string; readonly memoryBytes?: number; readonly driver?: string }[];
  readonly gpuRuntime?: { readonly state: string; readonly cuda?: number; readonly runtimeVersion?: string };
  readonly choice?: { readonly device: string; readonly trials: readonly DeviceTrial[] };
  readonly adviceCodes?: readonly string[];
  readonly selfTest?: {
    readonly device: string;
    readonly passed: boolean;
    readonly stepMilliseconds?: number;
    readonly error?: ToldError;
  };
}

/** The check of this machine as Markdown: the verdict first, then what auto means, advice, and the machine. */
export function deviceReport(facts: DeviceFacts, t: Translate): string {
  const { selfTest, choice, adapters = [], memoryBytes = 0, freeMemoryBytes = 0 } = facts;
  const verdict = !selfTest
    ? ''
    : selfTest.passed
      ? t('Training works on {0}: the self-test gives PyTorch’s losses.', selfTest.device)
      : t(
          'The self-test on {0} failed: {1}',
          selfTest.device,
          selfTest.error ? errorText(selfTest.error, t) : t('other losses than PyTorch’s'),
        );
  const trials = (choice?.trials ?? []).map(
    (trial) => `- ${escaped(trialText(trial, trial.device === choice?.device, t))}`,
  );
  const codes = deviceAdviceCodes.filter((code) => facts.adviceCodes?.includes(code));
  const rows: [string, string][] = [
    ['ONNX Runtime', facts.onnxruntime ?? t('cannot be loaded')],
    [t('Providers'), (facts.providers ?? []).join(', ')],
    [t('GPUs'), adapters.map((adapter) => adapterText(adapter, t)).join('; ') || t('none reported by the system')], // prettier-ignore
    ...gpuRuntimeRow(facts.gpuRuntime, t),
    ['CPU', facts.cpu ?? ''],
    [t('Threads'), String(facts.threads ?? '')],
    [t('Memory'), t('{0}, {1} free', sizeText(memoryBytes), sizeText(freeMemoryBytes))],
    ['Node', `${facts.node ?? ''} · ${facts.platform ?? ''}`],
  ];
  return [
    `# ${t('Check of this machine')}`,
    '',
    `**${escaped(verdict)}**`,
    ...(trials.length > 0 ? ['', `## ${t('What “auto” is here')}`, '', ...trials] : []),
    ...(codes.length > 0 ? ['', `## ${t('Advice')}`, '', ...codes.map((code) => `- ${adviceText(code, t)}`)] : []),
    '',
    `## ${t('Machine')}`,
    '',
    '| | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${escaped(value)} |`),
    '',
  ].join('\n');
}

function adapterText(
  { name, memoryBytes, driver }: NonNullable<DeviceFacts['adapters']>[number],
  t: Translate,
): string {
  return [name, ...(memoryBytes ? [sizeText(memoryBytes)] : []), ...(driver ? [t('driver {0}', driver)] : [])].join(
    ', ',
  );
}

function gpuRuntimeRow(gpuRuntime: DeviceFacts['gpuRuntime'], t: Translate): [string, string][] {
  const { state, cuda = '?', runtimeVersion = '?' } = gpuRuntime ?? { state: 'none' };
  const words: Readonly<Record<string, string>> = {
    current: t('CUDA {0}, in use', cuda),
    stale: t('CUDA {0}, not used: built for ONNX Runtime {1}', cuda, runtimeVersion),
    broken: t('CUDA {0}, not used: incomplete', cuda),
  };
  return words[state] === undefined ? [] : [[t('GPU runtime'), words[state]]];
}

/** Names and messages come from drivers. */
const escaped = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|#]/g, '\\$&');
