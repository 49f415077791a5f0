import { ConfigurationTarget, window, workspace } from 'vscode';
import { precisionCheckText } from '../../protocol/precisionCheck';
import { showInformation, showWarning } from '../messages';
import type { Services } from '../services';
import { setting } from '../settings';
import { chooseActiveModel, isModel, where, withProgress } from './modelCommands';

/**
 * The precision of scores. What int8 or float16 costs a model of the list, else the active one, is measured and shown before
 * it can be chosen.
 */
export async function choosePrecision(services: Services, target?: unknown): Promise<void> {
  const { t, scorer, scoring } = services;
  const model = isModel(target) ? target : (services.models.active() ?? (await chooseActiveModel(services)));
  if (!model) return;
  const current = setting('medtext.scoring.precision');
  // prettier-ignore
  const items = ([
    ['float32', t('as the model was trained')],
    ['int8', t('faster on the CPU; its effect is measured first')],
    ['float16', t('faster on a GPU; its effect is measured first')],
  ] as const).map(([precision, description]) => ({ label: `${precision === current ? '$(check) ' : ''}${precision}`, precision, description }));
  const picked = await window.showQuickPick(items, { title: t('Precision of {0}', model.name) });
  if (!picked) return;
  const { precision } = picked;
  if (precision !== 'float32') {
    const title = t('Measuring {0} in {1}', model.name, precision);
    const check = await withProgress(services, title, 'checkPrecision', (signal) =>
      scorer.request('checkPrecision', { folder: model.folder, precision, ...where() }, signal),
    );
    // Scores of the model may be others from now on.
    scoring.forget();
    const message = t('{0}: {1}', model.name, precisionCheckText(check, t));
    // A message without a button shows its first line alone, and the reason stands in the last.
    if (check.harms) return void showWarning(message, { modal: true });
    const use = t('Score in {0}', precision);
    if ((await showInformation(message, { modal: true }, use)) !== use) return;
  }
  await workspace.getConfiguration().update('medtext.scoring.precision', precision, ConfigurationTarget.Global);
}
