/** What strangers' text passes on its way to a person goes through one door each, where it becomes text and nothing else. */
import assert from 'node:assert/strict';
import { sourceFiles, withoutComments } from './sourceGraph';

const DOORS: readonly { what: string; pattern: RegExp; folder: string; files: readonly string[] }[] = [
  {
    what: 'messages, progress and prompts of the editor, which make links of what they show',
    pattern:
      /\bshow(Information|Warning|Error)Message\b|\bwithProgress\(\s*\{|\b(show|create)InputBox\b|window\s*\.withProgress/,
    folder: 'src/extension/',
    files: ['src/extension/messages.ts'],
  },
  {
    what: 'Markdown that may hold commands',
    pattern: /\bisTrusted\s*=|supportHtml\s*=/,
    folder: 'src/extension/',
    files: ['src/extension/hover/hoverProvider.ts'],
  },
  {
    what: "the command line's streams, which may be a terminal",
    pattern: /process\.std(out|err)\b|\bconsole\./,
    folder: 'src/cli/',
    // command hears of closed pipes; consent asks its one question, in our own words.
    files: ['src/cli/screen.ts', 'src/cli/command.ts', 'src/cli/consent.ts'],
  },
];

describe('doors', () => {
  const files = sourceFiles('src');
  for (const { what, pattern, folder, files: doors } of DOORS) {
    it(`${what}: ${doors.join(', ')} alone`, () => {
      const found = files.filter(({ path, text }) => path.startsWith(folder) && pattern.test(withoutComments(text)));
      assert.deepEqual(found.map(({ path }) => path).sort(), [...doors].sort());
    });
  }
});
