import { workspace, ConfigurationTarget } from 'vscode';
import { precisionCheckText } from '../../protocol/precisionCheck';
import { showInformation, showWarning } from '../messages';
import type { Services } from '../services';
import { setting } from '../settings';
import { isModel, scoringModel, withProgress } from './modelCommands';

/** What int8 costs a model of the list, else the active one; then, if the person wants it, scoring is in int8. */
export async function measureInt8(services: Services, target?: unknown): Promise<void> {
  const { t, scorer, scoring } = services;
  const model = isModel(target) ? target : await scoringModel(services);
  if (!model) return;
  const threads = setting('medtext.runtime.threads');
  const params = { folder: model.folder, ...(threads > 0 && { threads }) };
  const check = await withProgress(services, t('Measuring {0} in int8', model.name), 'checkPrecision', (signal) =>
    scorer.request('checkPrecision', params, signal),
  );
  const message = `${model.name}: ${precisionCheckText(check, t)}`;
  // Scores of the model may be others from now on.
  scoring.forget();
  if (check.harms) {
    void showWarning(message);
    return;
  }
  const isChosen = setting('medtext.scoring.precision') === 'int8';
  const use = t('Score in int8');
  const stop = t('Score in float32');
  const choice = await showInformation(message, { modal: true }, isChosen ? stop : use);
  if (choice === undefined) return;
  const value = choice === use ? 'int8' : 'float32';
  await workspace.getConfiguration().update('medtext.scoring.precision', value, ConfigurationTarget.Global);
}
