/** The page of all settings, with values and defaults from the manifest and its texts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json';
import { cell, pageHead, ROOT, table, type Translator } from './languages';

interface Setting {
  readonly default?: unknown;
  readonly description?: string;
  readonly markdownDescription?: string;
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
}

export function settingsPage({ page: say, language }: Translator): string {
  const file = language === 'en' ? 'package.nls.json' : `package.nls.${language}.json`;
  const texts = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Record<string, string>;
  const wording = (text = '') => texts[text.replaceAll('%', '')] ?? text;
  const settings = Object.entries(manifest.contributes.configuration.properties as Record<string, Setting>);
  return [
    ...pageHead(say('Settings'), 'settings.md', language),
    say('This page is made from the extension’s manifest by `npm run docs`. [In VS Code](editor.md) describes commands and views.'), // prettier-ignore
    '',
    ...table(
      [say('setting'), say('default'), say('meaning')],
      settings.map(([id, setting]) => {
        const values = (setting.enum ?? []).map((value, i) => {
          const meaning = wording(setting.enumDescriptions?.[i]);
          return meaning === '' ? `\`${value}\`` : `\`${value}\`: ${meaning}`;
        });
        const text = wording(setting.markdownDescription ?? setting.description);
        return [
          `\`${id}\``,
          setting.default === undefined || setting.default === '' ? '' : `\`${JSON.stringify(setting.default)}\``,
          cell([text, values.join(' ')].filter(Boolean).join(' ')),
        ];
      }),
    ),
    '',
  ].join('\n');
}
