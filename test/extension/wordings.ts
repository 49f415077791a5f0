import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { descriptionsIn } from '../../scripts/docs/recipeFields';
import labelsSchema from '../../src/protocol/labels.schema.json';
import recipeSchema from '../../src/protocol/recipe.schema.json';

const root = join(__dirname, '../..');

/**
 * Every message that may be shown in the editor, found in the sources: what the extension and its webviews word through
 * `t('…')`, what any process words as words`…`, which the host translates, and the descriptions of the schemas' fields.
 */
export function messagesOfExtension(
  folders = ['src/base', 'src/protocol', 'src/extension', 'webview'],
): ReadonlySet<string> {
  const messages = new Set<string>();
  for (const source of sourcesOf(folders)) {
    for (const [, message] of source.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g))
      messages.add(message.replaceAll("\\'", "'"));
  }
  for (const template of wordTemplates(['src', 'webview'])) messages.add(template);
  for (const text of [recipeSchema, labelsSchema].flatMap(descriptionsIn)) messages.add(text);
  return messages;
}

/** The templates of all words`…`, with `{0}` in the first value's place. */
export function wordTemplates(folders: readonly string[]): ReadonlySet<string> {
  const templates = new Set<string>();
  for (const source of sourcesOf(folders)) {
    // Words inside the values of other words begin after them, so all are met.
    for (const { index } of source.matchAll(/(?<![\w.`])words`/g))
      templates.add(templateAt(source, index + 6).template);
  }
  // The one in the description of words itself.
  templates.delete('{0} is no recipe.');
  return templates;
}

/** Values of words`…` that are English where they stand, and so would stay it in every language. */
export function englishValues(folders: readonly string[]): string[] {
  const values = sourcesOf(folders).flatMap((source) =>
    [...source.matchAll(/(?<![\w.`])words`/g)].flatMap(({ index }) => templateAt(source, index + 6).values),
  );
  // Words in words are met by themselves.
  return values.filter((value) => /(['"`])[^'"`]*[a-z]{2} [a-z]{2}[^'"`]*\1/.test(value.replace(/words`[^`]*`/g, '')));
}

function sourcesOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
  );
}

/** The template that begins after the backtick before `start`, and the code of its values. */
function templateAt(source: string, start: number): { template: string; values: string[] } {
  let template = '';
  const values: string[] = [];
  for (let at = start; source[at] !== '`'; at++) {
    if (source[at] === '\\') {
      const escaped = source[++at];
      template += { n: '\n', t: '\t' }[escaped] ?? escaped;
    } else if (source.startsWith('${', at)) {
      const end = endOfValue(source, at + 2);
      template += `{${values.length}}`;
      values.push(source.slice(at + 2, end));
      at = end;
    } else {
      template += source[at];
    }
  }
  return { template, values };
}

/** Where the brace is that ends a value: texts and templates inside it have their own. */
function endOfValue(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const character = source[at];
    if (character === '{') depth++;
    else if (character === '}' && depth-- === 0) return at;
    else if (character === "'" || character === '"') {
      for (at++; source[at] !== character; at++) if (source[at] === '\\') at++;
    } else if (character === '`') {
      for (at++; source[at] !== '`'; at++) {
        if (source[at] === '\\') at++;
        else if (source.startsWith('${', at)) at = endOfValue(source, at + 2);
      }
    }
  }
  throw new Error('A value in a template has no end.');
}
