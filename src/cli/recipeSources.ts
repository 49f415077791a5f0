/** What a recipe names by its address, brought before the training sees the recipe. */
import { MedTextError } from '../base/errors';
import type { TransferProgress } from '../hub/transferMeter';
import type { PartialRecipe } from '../protocol/recipe';
import { version } from '../../package.json';
import type { Arguments, Context } from './commandLine';
import { canAsk, consentsToDownload } from './consent';
import { bytes, counted, duration } from './terminal';

/** Options of every command that may have to download what it is asked to work on. */
export const downloadOptions = {
  yes: { kind: 'flag', short: 'y', help: 'Download what the recipe names and this machine lacks, without asking.' },
} as const;

/**
 * The recipe with a path in the place of each address. What is not on this machine is downloaded: asked for at a
 * terminal, with its size, elsewhere with `--yes` alone.
 * @param mayDownload false where what is missing cannot be meant
 * @throws MedTextError OFFLINE with what is missing; CANCELLED; what finding, downloading and importing throw.
 */
export async function withSources<T extends PartialRecipe>(
  recipe: T,
  args: Arguments,
  context: Context,
  mayDownload = true,
): Promise<T> {
  const { addressesIn } = await import('../protocol/recipeAddress');
  if (addressesIn(recipe).length === 0) return recipe;
  const { hubSettings } = await import('../hub/hubSettings');
  const { findSources, refuseMissing } = await import('../library/recipeSources');
  const places = { env: process.env, settings: hubSettings(process.env) };
  const here = await findSources(recipe, places);
  if (here.missing.length === 0) return here.recipe;
  if (!mayDownload || (!args.flag('yes') && !canAsk(context))) refuseMissing(here.missing);
  await bring(here.missing, places, args, context);
  const { recipe: complete, missing } = await findSources(recipe, places);
  refuseMissing(missing);
  return complete;
}

type Missing = Awaited<ReturnType<(typeof import('../library/recipeSources'))['findSources']>>['missing'];
type Places = Parameters<(typeof import('../library/recipeSources'))['findSources']>[1] & {
  readonly settings: ReturnType<(typeof import('../hub/hubSettings'))['hubSettings']>;
};

async function bring(missing: Missing, places: Places, args: Arguments, context: Context): Promise<void> {
  const { bringSources, planSources, totalOf } = await import('../library/recipeSources');
  const { HubClient } = await import('../hub/download');
  const { formatHubReference } = await import('../hub/hubReference');
  const { screen, signal } = context;
  const client = new HubClient({ settings: places.settings, userAgent: `medtext/${version}` });
  try {
    const plans = await planSources(missing, { ...places, client, signal });
    for (const { download, kind } of plans) {
      const { reference, files, totalBytes, keptBytes } = download;
      const kept = keptBytes > 0 ? `, ${bytes(keptBytes)} of it here already` : '';
      const what = kind === 'model' ? 'model' : 'data set';
      screen.note(`${what} ${formatHubReference(reference)}: ${counted(files.length, 'file')}, ${bytes(totalBytes)}${kept}`); // prettier-ignore
    }
    const total = totalOf(plans);
    if (!args.flag('yes') && !(await consentsToDownload(total.bytes - total.keptBytes, context))) {
      throw new MedTextError('CANCELLED', 'Without them the recipe cannot be run.');
    }
    await bringSources(plans, {
      ...places,
      client,
      signal,
      onDownload: (progress) => screen.progress(...transferLine(progress)),
      onImport: ({ doneBytes, totalBytes }) =>
        screen.progress(
          totalBytes > 0 ? doneBytes / totalBytes : 1,
          `${bytes(doneBytes)} of ${bytes(totalBytes)} written`,
        ),
    });
    screen.clearBar();
  } finally {
    await client.close();
  }
}

/** A download's share and line, for {@link Screen.progress}. */
export function transferLine({
  doneBytes,
  totalBytes,
  bytesPerSecond,
  secondsLeft,
}: TransferProgress): [number, string] {
  const rate = bytesPerSecond > 0 ? `  ${bytes(bytesPerSecond)}/s` : '';
  const left = secondsLeft !== null && doneBytes < totalBytes ? `  ${duration(secondsLeft)} left` : '';
  return [totalBytes > 0 ? doneBytes / totalBytes : 1, `${bytes(doneBytes)} of ${bytes(totalBytes)}${rate}${left}`];
}
