import { commands } from 'vscode';
import { asMedTextError } from '../base/errors';
import { errorText } from '../protocol/errorWords';
import { openDocumentation } from './documentation';
import { showError } from './messages';
import type { Services } from './services';

/** Shows an error with a way to the log; a cancellation is not shown. @param id what was being done, for the log */
export function tellError({ context, log, t }: Services, id: string, caught: unknown): void {
  const error = asMedTextError(caught);
  const whatToDo = t('What to Do');
  if (error.code === 'CANCELLED') return;
  log.error(`${id}: ${error.code}: ${error.message}`);
  if (error.code === 'INTERNAL') log.error(error.cause instanceof Error ? (error.cause.stack ?? '') : '');
  if (error.code === 'ACCESS') {
    const setToken = t('Set Access Token…');
    return void showError(errorText(error, t), setToken, whatToDo).then((choice) => {
      if (choice === setToken) return commands.executeCommand('medtext.setAccessToken');
      return choice === whatToDo ? openDocumentation(context, error.code) : undefined;
    });
  }
  const showLog = t('Show Log');
  // The command does not wait for this: it has ended, whether or not the message is closed.
  void showError(errorText(error, t), whatToDo, showLog).then((choice) => {
    if (choice === showLog) log.show();
    return choice === whatToDo ? openDocumentation(context, error.code) : undefined;
  });
}

/** For a button of a message: it is pressed when the command has ended, and nobody else shows what it throws. */
export function tellErrorOf(services: Services, id: string, work: Promise<unknown>): void {
  work.catch((error: unknown) => tellError(services, id, error));
}
