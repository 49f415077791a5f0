import { sizeText } from '../base/sizeText';
import type { Translate } from '../base/translate';
import { errorText, type ToldError } from '../protocol/errorWords';
import { adviceText, deviceAdviceCodes, trialText, type DeviceTrial } from '../protocol/deviceWords';

/** As `medtext doctor --json` prints it, as far as the report tells it; another version's may lack parts. */
export interface DeviceFacts {
  readonly onnxruntime?: string | null;
  readonly providers?: readonly string[];
  readonly node?: string;
  readonly platform?: string;
  readonly cpu?: string;
  readonly threads?: number;
  readonly memoryBytes?: number;
  readonly freeMemoryBytes?: number;
  readonly adapters?: readonly { readonly name: string; readonly memoryBytes?: number }[];
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
    [t('Graphics adapters'), adapters.map(({ name, memoryBytes: size }) => (size ? `${name}, ${sizeText(size)}` : name)).join('; ') || t('none that the system tells of')], // prettier-ignore
    [t('Processor'), facts.cpu ?? ''],
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

/** Names and messages come from drivers. */
const escaped = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|#]/g, '\\$&');
