import { StatusBarAlignment, window } from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import type { CommandId } from './ids';
import type { Services } from './services';
import { statusText } from './statusText';
import type { TrainingState } from './trainingService';
import type { Translate } from '../base/translate';

/** Shows the running training; hidden while there is none. */
export function registerStatusBar({ training, t }: Services): Disposable {
  const store = new DisposableStore();
  const item = store.add(window.createStatusBarItem('medtext.training', StatusBarAlignment.Left, 50));
  const command: CommandId = 'medtext.showRun';
  item.name = 'MedText Lab';
  item.command = command;
  store.add(
    training.onDidChange((state) => {
      const text = statusText(state, t);
      if (text === undefined) return item.hide();
      item.text = `$(${state.silence ? 'warning' : 'sync~spin'}) ${text}`;
      item.tooltip = tooltip(state, t);
      item.accessibilityInformation = { label: `MedText Lab, ${text}` };
      item.show();
    }),
  );
  return store;
}

function tooltip({ request, report }: TrainingState, t: Translate): string {
  const lines = [request?.name ?? ''];
  if (report) {
    lines.push(t('Step {0} of {1}, epoch {2}', report.step, report.totalSteps, report.epoch.toFixed(2)));
    lines.push(t('{0} examples a second', report.examplesPerSecond.toFixed(1)));
    if (report.device) lines.push(t('Device: {0}', report.device));
  }
  return lines.join('\n');
}
