import { StatusBarAlignment, window } from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import type { CommandId } from './ids';
import type { Services } from './services';
import { lostDeviceText } from '../protocol/deviceWords';
import { statusText, statusTooltip } from './statusText';
import { showWarning } from './messages';

/** Shows the running training, and is hidden while there is none; says when a training has lost its device. */
export function registerStatusBar({ training, log, t }: Services): Disposable {
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
      item.tooltip = statusTooltip(state, t);
      item.accessibilityInformation = { label: `MedText Lab, ${text}` };
      item.show();
    }),
  );
  store.add(
    training.onDidLoseDevice(({ request, lostDevice = '', report }) => {
      const showLog = t('Show Log');
      const text = `${request?.name ?? ''}: ${lostDeviceText(lostDevice, report?.device ?? '', t)}`;
      void showWarning(text, showLog).then((choice) => choice === showLog && log.show());
    }),
  );
  return store;
}
