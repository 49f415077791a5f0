import type { DeviceChoice } from '../../devices/deviceChoice';
import type { Diagnosis } from '../../devices/doctor';
import { modelOptions, type Arguments, type Command, type Context, type ExitCode } from '../commandLine';
import { bytes, duration, properties } from '../terminal';

export const doctorCommand: Command = {
  name: 'doctor',
  usage: ['doctor'],
  summary: 'Check this machine: runtime, devices, threads, memory, and a small training whose result is known.',
  options: modelOptions,
  examples: ['medtext doctor', 'medtext doctor --device webgpu'],
  run: doctor,
};

async function doctor(args: Arguments, { screen }: Context): Promise<ExitCode> {
  args.atMost(0);
  const { diagnose } = await import('../../devices/doctor');
  const diagnosis = await diagnose({ device: args.text('device'), threads: args.number('threads', 1, 1024) });
  screen.printJson(diagnosis);
  const { choiceLines } = await import('../../devices/deviceChoice');
  screen.print(...diagnosisText(diagnosis, choiceLines));
  return diagnosis.selfTest.passed ? 0 : 1;
}

function diagnosisText(
  { selfTest, choice, advice, ...machine }: Diagnosis,
  choiceLines: (choice: DeviceChoice) => string[],
): string[] {
  const { passed, losses, expected, error } = selfTest;
  const verdict = error
    ? `failed: ${error.code}: ${error.message}`
    : passed
      ? `passed in ${duration(selfTest.milliseconds / 1000)}: five training steps gave PyTorch's losses; a step of a small encoder takes ${selfTest.stepMilliseconds?.toFixed(1)} ms`
      : `failed: the losses are ${losses.map((loss) => loss.toFixed(5)).join(', ')}; PyTorch's are ${expected.map((loss) => loss.toFixed(5)).join(', ')}`;
  return properties([
    ['ONNX Runtime', machine.onnxruntime ?? 'cannot be loaded'],
    ['providers', machine.providers.join(', ') || '-'],
    ['Node', machine.node],
    ['platform', machine.platform],
    ['CPU', machine.cpu],
    ['threads', String(machine.threads)],
    ['memory', `${bytes(machine.memoryBytes)}, ${bytes(machine.freeMemoryBytes)} free`],
    [
      'adapters',
      machine.adapters
        .map(({ name, memoryBytes, driver }) =>
          [name, ...(memoryBytes ? [bytes(memoryBytes)] : []), ...(driver ? [`driver ${driver}`] : [])].join(', '),
        )
        .join('; ') || 'none reported by the system',
    ],
    ...gpuRuntimeRow(machine.gpuRuntime),
    ...(choice ? choiceLines(choice).map((line, at): [string, string] => [at === 0 ? 'device: auto' : '', line]) : []),
    [`self-test on ${selfTest.device}`, verdict],
    ...advice.map((line, at): [string, string] => [at === 0 ? 'advice' : '', line]),
  ]);
}

function gpuRuntimeRow({ state, cuda, runtimeVersion }: Diagnosis['gpuRuntime']): [string, string][] {
  if (state === 'none') return [];
  const words = {
    current: 'in use',
    stale: `not used: built for ONNX Runtime ${runtimeVersion}`,
    broken: 'not used: incomplete',
  };
  return [['GPU runtime', `CUDA ${cuda}, ${words[state]}`]];
}
