/** The languages of the documentation, and the Chinese of the generated pages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { untranslated, type Translate } from '../../src/base/translate';

export const ROOT = join(__dirname, '../..');

export const LANGUAGES = ['en', 'zh-cn'] as const;
export type Language = (typeof LANGUAGES)[number];

const readTable = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Record<string, string>;

/** The Chinese of texts that the product shows, too: descriptions of the schema, meanings of error codes. */
export const shownInProduct = (): Record<string, string> => readTable('l10n/bundle.l10n.zh-cn.json');

/** The Chinese of texts that only the pages show: the help of the commands, and the text around the tables. */
export const shownInPages = (): Record<string, string> => readTable('scripts/docs/pages.zh-cn.json');

/** Translates texts, and collects the English texts without Chinese. */
export class Translator {
  readonly missing = new Set<string>();
  readonly used = new Set<string>();

  constructor(readonly language: Language) {}

  readonly product: Translate = (message, ...values) => this.from(shownInProduct(), message, values);
  readonly page: Translate = (message, ...values) => this.from(shownInPages(), message, values);

  private from(table: Record<string, string>, message: string, values: Parameters<Translate>[1][]): string {
    this.used.add(message);
    if (this.language === 'en') return untranslated(message, ...values);
    if (!Object.hasOwn(table, message)) this.missing.add(message);
    return untranslated(table[message] ?? message, ...values);
  }
}

/** The head of every page: its title, and the links to its other language and to the contents. */
export function pageHead(title: string, page: string, language: Language): string[] {
  const other =
    language === 'en'
      ? `[中文](../zh-cn/${page}) · [Contents](README.md)`
      : `[English](../en/${page}) · [目录](README.md)`;
  return [`# ${title}`, '', other, ''];
}

/** A table cell, without line breaks and with escaped bars. */
export const cell = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|');

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |');
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
