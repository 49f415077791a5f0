/** The option `--precision` of commands that run a model. */
import { untranslated } from '../base/translate';
import { SCORING_PRECISIONS, type ScoringPrecision } from '../inference/packedSession';
import { precisionCheckText } from '../protocol/precisionCheck';
import type { Arguments, Context, OptionSpec } from './commandLine';
import { countProgress } from './screen';

export const precisionOption: Readonly<Record<string, OptionSpec>> = {
  precision: {
    kind: 'value',
    value: 'NAME',
    help: `${SCORING_PRECISIONS.join(', ')}. int8 is faster on a CPU, float16 on a GPU. Their effect on the results is measured once for each model and printed. Default: float32.`,
  },
};

/**
 * The requested precision. For int8 and float16 its effect on the model is printed, after it is measured at the first use.
 * @throws MedTextError UNSUPPORTED if the precision harms the model; USAGE if the device does not support the precision.
 */
export async function chosenPrecision(
  args: Arguments,
  folder: string,
  { screen, signal }: Context,
): Promise<ScoringPrecision | undefined> {
  const precision = args.choice('precision', SCORING_PRECISIONS);
  if (precision === undefined || precision === 'float32') return precision;
  const { checkPrecision, refuseHarm } = await import('../exports/precisionCheck');
  const { precisionDevice } = await import('../devices/deviceChoice');
  const check = await checkPrecision(folder, precision, {
    device: await precisionDevice(precision, args.text('device') ?? 'auto'),
    threads: args.number('threads', 1, 1024),
    signal,
    log: (line) => screen.note(line),
    onProgress: countProgress(screen, 'predictions'),
  });
  screen.note(precisionCheckText(check, untranslated));
  refuseHarm(check, folder);
  return precision;
}

/** The device for a precision. Where none is named, it is the one that {@link chosenPrecision} measured on. */
export async function deviceFor(precision: ScoringPrecision | undefined, named: string | undefined) {
  if (precision === undefined || precision === 'float32') return named;
  const { precisionDevice } = await import('../devices/deviceChoice');
  return precisionDevice(precision, named ?? 'auto');
}
