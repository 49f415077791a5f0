import { QuickInputButtons, commands, window, type QuickPickItem } from 'vscode';
import { DisposableStore } from '../../base/disposables';
import { contextKeys } from '../ids';

/** The person pressed Back. */
export const back = Symbol('back');

/** One question: fills in its part of the answers; `undefined` when the person gave up. */
export type Step<A> = (answers: A, position: StepPosition) => Promise<A | typeof back | undefined>;

export interface StepPosition {
  readonly step: number;
  readonly totalSteps: number;
}

/** Asks the steps in order; Back returns to the one before with the answers as they were then. */
export async function runSteps<A>(steps: readonly Step<A>[], start: A): Promise<A | undefined> {
  const answers: A[] = [start];
  let index = 0;
  while (index < steps.length) {
    const next = await steps[index](answers[index], { step: index + 1, totalSteps: steps.length });
    if (next === undefined) return undefined;
    if (next === back) {
      // A step that asked nothing would send Back forward again: go to the last that changed the answers.
      do index--;
      while (index > 0 && answers[index] === answers[index + 1]);
      if (index < 0) return undefined;
    } else answers[++index] = next;
  }
  return answers[index];
}

export interface Option<T> extends QuickPickItem {
  readonly value: T;
}

/** A quick pick with step number and Back; the preferred option is selected. */
export function pick<T>(
  options: readonly Option<T>[],
  { title, placeholder, preferred }: { title: string; placeholder?: string; preferred?: T },
  { step, totalSteps }: StepPosition,
): Promise<T | typeof back | undefined> {
  const store = new DisposableStore();
  const input = store.add(window.createQuickPick<Option<T>>());
  input.title = title;
  input.placeholder = placeholder;
  input.step = step;
  input.totalSteps = totalSteps;
  input.items = options;
  input.matchOnDescription = true;
  input.ignoreFocusOut = true;
  if (step > 1) input.buttons = [QuickInputButtons.Back];
  // Alt+Left presses that button, on every system.
  void commands.executeCommand('setContext', contextKeys.canGoBack, step > 1);
  const selected = options.find(({ value }) => value === preferred);
  if (selected) input.activeItems = [selected];
  return new Promise<T | typeof back | undefined>((resolve) => {
    store.add(input.onDidAccept(() => input.selectedItems[0] && resolve(input.selectedItems[0].value)));
    store.add(input.onDidTriggerButton(() => resolve(back)));
    store.add(input.onDidHide(() => resolve(undefined)));
    input.show();
  }).finally(() => {
    void commands.executeCommand('setContext', contextKeys.canGoBack, false);
    store.dispose();
  });
}
