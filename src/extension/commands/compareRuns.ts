import { window } from 'vscode';
import { maxComparedRuns } from '../../protocol/runComparison';
import { metricText, phaseText } from '../../protocol/runWords';
import type { RunRecord } from '../runStore';
import { lookForRuns } from '../runWatch';
import type { Services } from '../services';
import { chosenRuns } from './runCommands';
import { showInformation } from '../messages';

/** Runs side by side: those selected in the tree, or those the person picks. */
export async function compareRuns(services: Services, target?: unknown, selected?: unknown): Promise<void> {
  const { runComparison, t } = services;
  const chosen = chosenRuns(target, selected, []);
  const runs = chosen.length > 1 ? chosen : await pickRuns(services, chosen);
  if (!runs || runs.length < 2) return;
  if (runs.length > maxComparedRuns) {
    void showInformation(t('Only the first {0} of them are compared.', maxComparedRuns));
  }
  runComparison.show(runs);
}

/** The one asked about, or the newest two, are picked already. */
async function pickRuns(services: Services, chosen: readonly RunRecord[]): Promise<readonly RunRecord[] | undefined> {
  const { runs, t } = services;
  await lookForRuns(services);
  const known = runs.list();
  if (known.length < 2) {
    void showInformation(t('There are no two runs to compare yet.'));
    return undefined;
  }
  const others = known.filter(({ folder }) => folder !== chosen[0]?.folder);
  const picked = [...chosen, ...others].slice(0, 2);
  const items = known.map((run) => ({
    label: run.name,
    description: run.metric
      ? `${metricText(run.metric.name, t)} ${run.metric.value.toFixed(4)}`
      : phaseText(run.status, t),
    detail: run.runId,
    picked: picked.includes(run) || run.folder === chosen[0]?.folder,
    run,
  }));
  const title = t('Compare which runs?');
  const answer = await window.showQuickPick(items, { title, canPickMany: true, matchOnDetail: true });
  if (answer?.length === 1) void showInformation(t('Choose at least two runs.'));
  return answer?.map(({ run }) => run);
}
