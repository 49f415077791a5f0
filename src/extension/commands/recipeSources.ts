import { basename } from 'node:path';
import { window } from 'vscode';
import { sizeText } from '../../base/sizeText';
import { addressesIn } from '../../protocol/recipeAddress';
import { showProgress } from '../messages';
import type { Services } from '../services';
import { withJob } from './importCommands';

/**
 * Brings what a recipe names by address and this machine does not have, after asking, with its size.
 * @returns whether all is there; false when the person did not agree
 */
export async function bringRecipeSources(
  services: Services,
  recipe: Readonly<Record<string, unknown>>,
  recipeFile: string,
): Promise<boolean> {
  const { t, library, hubs, models } = services;
  if (addressesIn(recipe).length === 0) return true;
  const hub = await hubs.options();
  const missing = await showProgress(t('Looking up {0}', basename(recipeFile)), (signal) =>
    library.request('missingSources', { recipe, hub }, signal),
  );
  if (missing.length === 0) return true;
  const sum = (value: (source: (typeof missing)[number]) => number): number => missing.reduce((total, source) => total + value(source), 0); // prettier-ignore
  const keptBytes = sum((source) => source.keptBytes);
  const kept = keptBytes > 0 ? t('{0} already downloaded', sizeText(keptBytes)) : '';
  const download = {
    label: `$(cloud-download) ${t('Download {0}', sizeText(sum(({ totalBytes }) => totalBytes)))}`,
    description: [
      t(
        '{0} files',
        sum(({ files }) => files.length),
      ),
      kept,
    ]
      .filter(Boolean)
      .join(' · '),
    detail: missing.map(({ reference, totalBytes }) => `${reference} (${sizeText(totalBytes)})`).join(', '),
  };
  const title = t('{0} needs files that are not on this machine', basename(recipeFile));
  if (!(await window.showQuickPick([download], { title, ignoreFocusOut: true }))) return false;
  const known = models.list().map(({ folder }) => folder);
  await withJob(services, t('Downloading for {0}', basename(recipeFile)), (job, signal) =>
    library.request('bringSources', { recipe, hub, known, job }, signal),
  );
  models.refresh();
  return true;
}
