/** `vscode.l10n.t`, passed in so that what it words can be tested without an editor. `{0}` stands for the first value. */
export type Translate = (message: string, ...values: (string | number | boolean)[]) => string;

/** English, for tests and where no editor is. */
export const untranslated: Translate = (message, ...values) =>
  message.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
