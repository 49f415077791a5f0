/** Finds problems of the written pages: broken links, wrong code blocks, and differences between the languages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parse } from 'jsonc-parser';
import { recipeProblems } from '../../src/protocol/recipe';
import { untranslated } from '../../src/base/translate';
import { LANGUAGES, ROOT } from './languages';

/** Path from the root → text. */
export type Pages = ReadonlyMap<string, string>;

export interface CodeBlock {
  readonly language: string;
  /** The block's text, without the indentation of its list item. */
  readonly text: string;
}

export interface ShellCommand {
  readonly command: string;
  /** What the command needs beside the samples and this machine. Undefined: the command runs anywhere. */
  readonly needs?: string;
}

/**
 * The allowed needs in a comment `# needs: …` after a command. `npm run docs:check` runs only commands with the first
 * of them.
 */
export const RUNNABLE_NEEDS = ['loopback hub'];
const NEEDS = [
  ...RUNNABLE_NEEDS,
  'an interrupted run',
  'corpus',
  'editor',
  'GPU',
  'hub',
  'minutes',
  'network',
  'packages',
];

/** README.md is the first page that a person sees, and the marketplace's page. */
const MAX_README_LINES = 200;

/** Both READMEs and all pages. */
export function readPages(): Pages {
  const written = LANGUAGES.flatMap((language) => readdirSync(join(ROOT, 'docs', language)).map((name) => `docs/${language}/${name}`)); // prettier-ignore
  return new Map(['README.md', 'README.zh-cn.md', ...written].map((path) => [path, readFileSync(join(ROOT, path), 'utf8')])); // prettier-ignore
}

export function pageProblems(pages: Pages, isFile = (path: string) => existsSync(join(ROOT, path))): string[] {
  const english = [...pages.keys()].filter(isEnglish);
  return [
    ...[...pages].flatMap(([path, text]) => [...linkProblems(path, text, pages, isFile), ...blockProblems(path, text)]),
    ...english.flatMap((path) => differences(path, otherLanguage(path), pages)),
    ...[...pages.keys()].filter((path) => !english.includes(path) && !pages.has(inEnglish(path))).map((path) => `${path}: there is no ${inEnglish(path)}`), // prettier-ignore
    ...['README.md', 'README.zh-cn.md'].flatMap((path) => {
      const lines = (pages.get(path) ?? '').split('\n').length;
      return lines > MAX_README_LINES ? [`${path}: ${lines} lines, more than ${MAX_README_LINES}`] : [];
    }),
  ];
}

export const isEnglish = (path: string): boolean => path === 'README.md' || path.startsWith('docs/en/');
export const otherLanguage = (path: string) => path.replace('docs/en/', 'docs/zh-cn/').replace(/^README\.md$/, 'README.zh-cn.md'); // prettier-ignore
const inEnglish = (path: string) => path.replace('docs/zh-cn/', 'docs/en/').replace(/^README\.zh-cn\.md$/, 'README.md');

/**
 * The differences between both languages. They must have headings of the same levels, the same code, and tables with as
 * many rows.
 */
function differences(path: string, other: string, pages: Pages): string[] {
  const [text, otherText] = [pages.get(path)!, pages.get(other)];
  if (otherText === undefined) return [`${path}: there is no ${other}`];
  const levels = (page: string) => headingsOf(page).map(({ level }) => level).join(' '); // prettier-ignore
  const commands = (page: string) => commandsOf(page).map(({ command, needs = '' }) => `${command} ${needs}`).join('\n'); // prettier-ignore
  const rows = (page: string) =>
    withoutCode(page)
      .split('\n')
      .filter((line) => line.startsWith('|')).length;
  const data = (page: string) => blocksOf(page).filter(({ language }) => language === 'json').map(({ text: block }) => block.replace(/\p{Script=Han}|…/gu, '')).join(); // prettier-ignore
  return [
    ...(levels(text) === levels(otherText) ? [] : [`${path}: headings differ from those of ${other}`]),
    ...(commands(text) === commands(otherText) ? [] : [`${path}: commands differ from those of ${other}`]),
    ...(rows(text) === rows(otherText) ? [] : [`${path}: tables have other rows than those of ${other}`]),
    ...(data(text) === data(otherText) ? [] : [`${path}: JSON differs from that of ${other}`]),
  ];
}

function linkProblems(path: string, text: string, pages: Pages, isFile: (path: string) => boolean): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  return links.flatMap((link) => {
    if (/^\w+:/.test(link)) return [];
    const [file, anchor] = link.split('#');
    const target = file === '' ? path : posix.join(posix.dirname(path), file);
    if (!pages.has(target) && !isFile(target)) return [`${path}: ${link} leads nowhere`];
    const page = pages.get(target);
    if (anchor === undefined || page === undefined) return [];
    const isThere = headingsOf(page).some(({ title }) => slugOf(title) === anchor);
    return isThere ? [] : [`${path}: ${link} names no heading of ${target}`];
  });
}

function blockProblems(path: string, text: string): string[] {
  const recipes = blocksOf(text).filter(({ language, text: block }) => language === 'json' && /"dataset"/.test(block));
  return [
    ...blocksOf(text)
      .filter(({ language }) => language === '')
      .map(() => `${path}: a block of code names no language`),
    ...commandsOf(text).flatMap(({ command, needs }) => {
      if (needs !== undefined) return NEEDS.includes(needs) ? [] : [`${path}: needs: ${needs}: not one of ${NEEDS.join(', ')}`]; // prettier-ignore
      return command.startsWith('medtext ') ? [] : [`${path}: only medtext is run here; mark what needs more: ${command}`]; // prettier-ignore
    }),
    ...recipes.flatMap(
      ({ text: block }) =>
      recipeProblems(parse(block), untranslated).map(({ pointer, message }) => `${path}: a recipe, ${pointer}: ${message}`), // prettier-ignore
    ),
  ];
}

/** The commands in a page's shell blocks, one on each line. */
export function commandsOf(text: string): ShellCommand[] {
  const lines = blocksOf(text).filter(({ language }) => language === 'sh').flatMap(({ text: block }) => block.split('\n')); // prettier-ignore
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, command, needs] = /^(.*?)(?:\s+# needs: ([\w ]+?)(?:\.\s.*)?)?$/.exec(line.trim())!;
      return { command, ...(needs !== undefined && { needs }) };
    });
}

export function blocksOf(text: string): CodeBlock[] {
  return [...text.matchAll(/^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```$/gm)].map(([, indent, language, block]) => ({
    language,
    text: block.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

function headingsOf(text: string): { level: number; title: string }[] {
  return [...withoutCode(text).matchAll(/^(#+) +(.*)$/gm)].map(([, marks, title]) => ({ level: marks.length, title }));
}

const withoutCode = (text: string) => text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');

/** The anchor of a heading, as code hosts and VS Code make it. */
export function slugOf(title: string): string {
  return title.trim().toLowerCase().replace(/[^\p{L}\p{M}\p{N} _-]/gu, '').replaceAll(' ', '-'); // prettier-ignore
}
