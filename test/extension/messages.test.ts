/** Every door to the editor's messages is fed what strangers' files may hold. The editor itself is a stand-in. */
import assert from 'node:assert/strict';
import { withEditor } from './support/withEditor';

type Shown = { text: string; detail?: string; items: readonly string[] };

const shown: Shown[] = [];
const show = async (text: string, options: { detail?: string }, ...items: string[]) => {
  shown.push({ text, detail: options.detail, items });
  return undefined;
};
const editor = {
  ProgressLocation: { Notification: 15 },
  window: {
    showInformationMessage: show,
    showWarningMessage: show,
    showErrorMessage: show,
    async withProgress({ title }: { title: string }, work: (progress: unknown, token: unknown) => Promise<unknown>) {
      shown.push({ text: title, items: [] });
      const report = ({ message }: { message: string }) => shown.push({ text: message, items: [] });
      return work({ report }, { isCancellationRequested: false, onCancellationRequested: () => undefined });
    },
    async showInputBox(options: { title: string; prompt: string; validateInput: (text: string) => Promise<string> }) {
      for (const text of [options.title, options.prompt, await options.validateInput('')])
        shown.push({ text, items: [] });
      return undefined;
    },
  },
};

const messages = withEditor(
  editor,
  () => require('../../src/extension/messages') as typeof import('../../src/extension/messages'),
);

/** As the editor finds links in a message: src/vs/base/common/linkedText.ts of VS Code. */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;

const hostile = [
  '[Allow this file](command:workbench.action.tasks.runTask?%22x%22)',
  '[a](https://x.y "title")',
  '[a]\u200e(command:x)',
  '[a]\u2066\u2069(command:x)',
  '[a]\x00(command:x)',
  '[a]\r\n(command:x)',
  '[[a]](command:x)](command:y)',
  `${'x'.repeat(990)}[a](command:x)`,
  '\x1b]8;;http://x\x07[a](file:///etc/passwd)\x1b]8;;\x07',
  '🙂'.repeat(1_000_000),
];

describe('messages of the editor', () => {
  const doors: Record<string, (text: string) => Thenable<unknown>> = {
    'an information': (text) => messages.showInformation(text, text),
    'a warning': (text) => messages.showWarning(text, { modal: true, detail: text }, text),
    'an error': (text) => messages.showError(text),
    progress: (text) => messages.showProgress(text, async (_, report) => report(1, text)),
    'a question': (text) => messages.askText({ title: text, prompt: text, validateInput: () => text }),
  };
  for (const [name, door] of Object.entries(doors)) {
    it(`${name}: text of files makes no link, no order to a terminal, and is short`, async () => {
      for (const text of hostile) {
        shown.length = 0;
        await door(text);
        assert.ok(shown.length > 0);
        for (const part of shown.flatMap((one) => [one.text, one.detail ?? '', ...one.items])) {
          // The editor shows a newline as a space.
          assert.doesNotMatch(part.replace(/[\r\n]/g, ' '), LINK);
          assert.doesNotMatch(part, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff]…/);
          assert.ok(part.length <= 4000, String(part.length));
        }
      }
    });
  }

  it('leaves our own sentences as they are', () => {
    const sentence = 'models/bert (v2) [CLS] is imported.\nIts licence: Apache-2.0';
    assert.equal(messages.plainMessage(sentence), sentence);
  });
});
