/** The page of all commands, with usage, options and examples from the commands' own help. */
import { optionsOf } from '../../src/cli/commandLine';
import { commands } from '../../src/cli/runCommandLine';
import { cell, pageHead, table, type Translator } from './languages';

export function commandReferencePage({ page: say, language }: Translator): string {
  return [
    ...pageHead(say('Command reference'), 'command-reference.md', language),
    say('This page is made from the commands’ own help by `npm run docs`. [Command line](command-line.md) explains exit codes, scores and resuming.'), // prettier-ignore
    '',
    ...table(
      [say('command'), say('what it does')],
      commands.map(({ name, summary }) => [`[\`${name}\`](#${name})`, cell(say(summary))]),
    ),
    ...commands.flatMap((command) => [
      '',
      `## ${command.name}`,
      '',
      say(command.summary),
      '',
      '```text',
      ...command.usage.map((line) => `medtext ${line}`),
      '```',
      ...(command.details ? ['', '```text', say(command.details.join('\n')), '```'] : []),
      '',
      ...table(
        [say('option'), say('meaning')],
        Object.entries(optionsOf(command)).map(([name, { value, help, short }]) => [
          `\`${short ? `-${short}, ` : ''}--${name}${value ? ` ${value.replaceAll('|', '\\|')}` : ''}\``,
          cell(say(help)),
        ]),
      ),
      '',
      say('Examples:'),
      '',
      '```text',
      ...command.examples,
      '```',
    ]),
    '',
  ].join('\n');
}
