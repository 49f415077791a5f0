/** Downloads of models and data that a recipe names by address, before its training. */
import { MedTextError } from '../base/errors';
import type { HubSettings } from '../hub/hubSettings';
import type { TransferProgress } from '../hub/transferMeter';
import type { PartialRecipe } from '../protocol/recipe';
import { version } from '../../package.json';
import type { Arguments, Context } from './commandLine';
import { canAsk, consentsToDownload } from './consent';
import { bytes, counted, duration } from './terminal';

/** Options of the commands that may download models or data. */
export const downloadOptions = {
  yes: { kind: 'flag', short: 'y', help: 'Download missing models and data without asking.' },
} as const;

/** The option of the commands that ask a hub. */
export const loginOption = {
  login: {
    kind: 'flag',
    help: 'Use the access tokens that `hf auth login` and `modelscope login` saved on this machine.',
  },
} as const;

/**
 * The settings for the hubs: from the environment, and with `--login` also the tokens of the hubs' own clients. Without
 * `--login` these tokens are not read.
 */
export async function reachedBy(args: Arguments): Promise<HubSettings> {
  const { hubSettings } = await import('../hub/hubSettings');
  if (!args.flag('login')) return hubSettings(process.env);
  const { hubLogins, loginToken } = await import('../library/hubLogin');
  const usual = hubSettings(process.env);
  const logins = await hubLogins({ env: process.env });
  const found = await Promise.all(logins.map(async (login) => [login.hub, usual.tokens[login.hub] ?? (await loginToken(login))] as const)); // prettier-ignore
  return hubSettings(process.env, { tokens: Object.fromEntries(found) });
}

/** Runs `work`. If a hub refuses access, prints which unused tokens this machine has. */
export async function tellingOfLogins<T>(args: Arguments, { screen }: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MedTextError && error.code === 'ACCESS' && !args.flag('login')) {
      const { hubLogins } = await import('../library/hubLogin');
      for (const { command, file } of await hubLogins({ env: process.env })) {
        screen.note(`"${command}" saved an access token in ${file}. --login uses it.`);
      }
    }
    throw error;
  }
}

/**
 * The recipe with a path in place of each address. Missing models and data are downloaded. At a terminal the person is asked
 * first and sees the size; elsewhere `--yes` is needed.
 * @param mayDownload false for a run that continues, whose sources must be on this machine
 * @throws MedTextError OFFLINE with the missing sources; CANCELLED; the errors of finding, downloading and importing.
 */
export async function withSources<T extends PartialRecipe>(
  recipe: T,
  args: Arguments,
  context: Context,
  mayDownload = true,
): Promise<T> {
  const { addressesIn } = await import('../protocol/recipeAddress');
  if (addressesIn(recipe).length === 0) return recipe;
  const { findSources, refuseMissing } = await import('../library/recipeSources');
  const places = { env: process.env, settings: await reachedBy(args) };
  const here = await findSources(recipe, places);
  if (here.missing.length === 0) return here.recipe;
  if (!mayDownload || (!args.flag('yes') && !canAsk(context))) refuseMissing(here.missing);
  await tellingOfLogins(args, context, () => bring(here.missing, places, args, context));
  const { recipe: complete, missing } = await findSources(recipe, places);
  refuseMissing(missing);
  return complete;
}

type Missing = Awaited<ReturnType<(typeof import('../library/recipeSources'))['findSources']>>['missing'];
type Places = Parameters<(typeof import('../library/recipeSources'))['findSources']>[1] & {
  readonly settings: HubSettings;
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
      const kept = keptBytes > 0 ? `, ${bytes(keptBytes)} already downloaded` : '';
      const what = kind === 'model' ? 'model' : 'data set';
      screen.note(`${what} ${formatHubReference(reference)}: ${counted(files.length, 'file')}, ${bytes(totalBytes)}${kept}`); // prettier-ignore
    }
    const total = totalOf(plans);
    if (!args.flag('yes') && !(await consentsToDownload(total.bytes - total.keptBytes, context))) {
      throw new MedTextError('CANCELLED', 'The recipe cannot run without these downloads.');
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

/** A download's progress as the arguments of {@link Screen.progress}. */
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
