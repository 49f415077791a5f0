/** The page of all error codes, with meanings and remedies from the table of errors. */
import type { ErrorCode } from '../../src/base/errors';
import { ERROR_HELP } from '../../src/protocol/errorHelp';
import { translated } from '../../src/base/words';
import { pageHead, type Translator } from './languages';

export function troubleshootingPage({ page: say, product, language }: Translator): string {
  const codes = Object.entries(ERROR_HELP) as [ErrorCode, (typeof ERROR_HELP)[ErrorCode]][];
  return [
    ...pageHead(say('Troubleshooting'), 'troubleshooting.md', language),
    say('This page is made from the table of errors by `npm run docs`. The terminal prints `error: CODE: message`; with `--json` the code is in `error.code`. The message says what is wrong and where. In the editor each error has a link to its place here.'), // prettier-ignore
    ...codes.flatMap(([code, { meaning, remedy }]) => [
      '',
      `## ${code}`,
      '',
      translated(meaning, product),
      '',
      `**${say('What to do:')}** ${translated(remedy, product)}`,
    ]),
    '',
    `## ${say('Where more is written')}`,
    '',
    say('- The editor’s log: **MedText Lab: Open Log**.\n- In the terminal `MEDTEXT_DEBUG=1` prints where an `INTERNAL` error arose.\n- `medtext doctor` (**Check Device**) tests the machine, its devices and the runtime.'), // prettier-ignore
    '',
  ].join('\n');
}
