/** What `npm run docs:check` runs of the pages, in which form, and how long the rest of it takes. */
import { commandsOf, isEnglish, otherLanguage, type Pages, type ShellCommand } from './pageProblems';

/** A page's commands. Both languages stand here where they have the same commands, which then run once. */
export interface PageCommands {
  readonly paths: readonly string[];
  readonly commands: readonly ShellCommand[];
}

/**
 * The commands of the pages, also of pages that have none.
 * @param wanted paths or names (`tasks`, `tasks.md`, `docs/zh-cn/tasks.md`); none: all pages
 * @throws for a name without a page
 */
export function pageCommands(pages: Pages, wanted: readonly string[]): PageCommands[] {
  const names = (path: string) => [path, path.split('/').at(-1)!, path.split('/').at(-1)!.replace(/\.md$/, '')];
  const unknown = wanted.filter((name) => ![...pages.keys()].some((path) => names(path).includes(name)));
  if (unknown.length > 0) throw new Error(`no such page: ${unknown.join(', ')}`);
  const isWanted = (path: string) => wanted.length === 0 || names(path).some((name) => wanted.includes(name));
  return [...pages.keys()].filter(isEnglish).flatMap((path) => {
    const both = [path, otherLanguage(path)].filter((each) => pages.has(each));
    const [english, chinese = english] = both.map((each) => commandsOf(pages.get(each)!));
    const parts: PageCommands[] =
      JSON.stringify(english) === JSON.stringify(chinese)
        ? [{ paths: both, commands: english }]
        : both.map((each) => ({ paths: [each], commands: each === path ? english : chinese }));
    return parts.filter(({ paths }) => paths.some((each) => isWanted(each)));
  });
}

/** One epoch in place of several: it reads the same options, trains, judges and writes the same files. */
export function shorter(command: string): string {
  if (!/^medtext finetune /.test(command)) return command;
  const once = command.replace(/ --epochs \d+/, ' --epochs 1').replace(/ train\.max_epochs=\d+/, ' train.max_epochs=1');
  if (/ --epochs | train\.max_epochs=| --estimate| --resume/.test(once)) return once;
  return `${once} --set train.max_epochs=1`;
}

/** A command of the plan. Seconds: what it took in an earlier check; undefined before the first. */
export interface Planned {
  readonly command: string;
  readonly seconds?: number;
}

/** Seconds of the rest of a plan, by the pace of what is done. */
export function secondsLeft(done: readonly Planned[], rest: readonly Planned[], spent: number): number {
  const expected = (plan: readonly Planned[]) => plan.reduce((sum, planned) => sum + secondsOf(planned), 0);
  const pace = done.length > 0 ? spent / expected(done) : 1;
  return expected(rest) * pace;
}

const secondsOf = ({ command, seconds }: Planned): number => seconds ?? (/^medtext finetune /.test(command) ? 10 : 2);
