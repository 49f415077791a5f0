/** `--precision` of the commands that answer with a model. */
import { untranslated } from '../base/translate';
import { SCORING_PRECISIONS, type ScoringPrecision } from '../inference/packedSession';
import { precisionCheckText } from '../protocol/precisionCheck';
import type { Arguments, Context, OptionSpec } from './commandLine';
import { countProgress } from './screen';

export const precisionOption: Readonly<Record<string, OptionSpec>> = {
  precision: {
    kind: 'value',
    value: 'NAME',
    help: `${SCORING_PRECISIONS.join(' or ')}. int8 is faster on a CPU; what it changes is measured once and printed. Default: float32.`,
  },
};

/**
 * The precision that was asked for. Of int8 the cost is printed first; it is measured where it was not before.
 * @throws MedTextError UNSUPPORTED for a model that int8 harms.
 */
export async function chosenPrecision(
  args: Arguments,
  folder: string,
  { screen, signal }: Context,
): Promise<ScoringPrecision | undefined> {
  const precision = args.choice('precision', SCORING_PRECISIONS);
  if (precision !== 'int8') return precision;
  const { checkInt8, refuseHarm } = await import('../exports/precisionCheck');
  const check = await checkInt8(folder, {
    threads: args.number('threads', 1, 1024),
    signal,
    log: (line) => screen.note(line),
    onProgress: countProgress(screen, 'answers'),
  });
  screen.note(precisionCheckText(check, untranslated));
  refuseHarm(check, folder);
  return precision;
}
