import { ProgressLocation, window, type InputBoxOptions, type MessageOptions } from 'vscode';
import { cutTo, withoutControls } from '../base/plainText';
import { abortSignalOf } from './cancellation';

/**
 * The one door to the editor's messages. Notifications, progress and the prompts of input boxes make live links of
 * `[text](command:…)`, and a click runs that command with all rights of the editor; they know no escape. Names, labels and
 * errors come from strangers' files, and no message of ours has a link: so no text that passes here keeps one.
 * `test/architecture/doors.test.ts` sees to it that no other file calls what stands here.
 */
type Rest = readonly string[] | readonly [MessageOptions, ...string[]];
type Show = (text: string, ...rest: Rest) => Thenable<string | undefined>;

export const showInformation = through((text, options, items) =>
  window.showInformationMessage(text, options, ...items),
);
export const showWarning = through((text, options, items) => window.showWarningMessage(text, options, ...items));
export const showError = through((text, options, items) => window.showErrorMessage(text, options, ...items));

/** A bound on characters; the editor shows fewer. */
const maxLength = 1000;

/** The text as nothing but text. A link needs `](`. */
export function plainMessage(text: string): string {
  // Cut first: what is dropped must not cost time either.
  return withoutControls(cutTo(maxLength, text)).replace(/\](?=\()/g, '] ');
}

/** A piece of work in a notification that can be cancelled; `report` moves its bar. */
export function showProgress<T>(
  title: string,
  work: (signal: AbortSignal, report: (increment: number, message: string) => void) => Promise<T>,
): Thenable<T> {
  return window.withProgress(
    { location: ProgressLocation.Notification, title: plainMessage(title), cancellable: true },
    (progress, token) =>
      work(abortSignalOf(token), (increment, message) =>
        progress.report({ increment, message: plainMessage(message) }),
      ),
  );
}

/** A line of text from the person. */
export function askText({ title, prompt, validateInput, ...rest }: InputBoxOptions): Thenable<string | undefined> {
  return window.showInputBox({
    ...rest,
    ...(title !== undefined && { title: plainMessage(title) }),
    ...(prompt !== undefined && { prompt: plainMessage(prompt) }),
    ...(validateInput && {
      async validateInput(text) {
        const problem = await validateInput(text);
        return typeof problem === 'string' ? plainMessage(problem) : problem;
      },
    }),
  });
}

function through(
  show: (text: string, options: MessageOptions, items: readonly string[]) => Thenable<string | undefined>,
): Show {
  return (text, ...rest) => {
    const [first, ...others] = rest;
    const options = typeof first === 'object' ? first : {};
    const items = (typeof first === 'string' ? [first, ...others] : others) as string[];
    const detail = options.detail === undefined ? {} : { detail: plainMessage(options.detail) };
    return show(plainMessage(text), { ...options, ...detail }, items.map(plainMessage));
  };
}
