/** Checks the pages, and runs their commands. See USAGE. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LoopbackHub, type StoredFile } from '../../test/hub/support/loopbackHub';
import { ROOT } from './languages';
import { pageCommands, secondsLeft, shorter, type PageCommands, type Planned } from './pageCommands';
import { pageProblems, readPages, RUNNABLE_NEEDS, type ShellCommand } from './pageProblems';

const USAGE = `npm run docs:check [-- [--full] PAGE …]

Checks links, code blocks and languages of all pages. Then runs every command of the pages on the samples, in the page's order; of
the pages named alone, if some are (tasks, README.md, docs/zh-cn/data.md). Both languages have the same commands, which run once.
A training takes one epoch; --full leaves its epochs as the page has them. Commands that need a hub run on a loopback hub.
Commands that need more are listed.`;

const CLI = join(ROOT, 'dist/cli.js');
/** What each command took, for the time left of the next check. */
const TIMES = join(ROOT, '.artefacts/docs-check.json');
const times: Record<string, number> = existsSync(TIMES) ? (JSON.parse(readFileSync(TIMES, 'utf8')) as typeof times) : {}; // prettier-ignore
const problems: string[] = [];
const done: Planned[] = [];
let rest: Planned[] = [];
let spent = 0;

main().catch((error: Error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
});

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { full: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const pages = readPages();
  problems.push(...pageProblems(pages));
  for (const problem of problems) console.error(problem);

  const isRunnable = ({ needs }: ShellCommand) => needs === undefined || RUNNABLE_NEEDS.includes(needs);
  const wanted = pageCommands(pages, positionals);
  const plan = wanted.map(({ paths, commands }) => {
    const runnable = commands.filter(isRunnable);
    return { paths, commands: values.full ? runnable : runnable.map(({ command }) => ({ command: shorter(command) })) };
  });
  rest = plan.flatMap(({ commands }) => commands.map(({ command }) => ({ command, seconds: times[command] })));
  for (const page of plan) if (page.commands.length > 0) await runPage(page);

  const notRun = wanted.flatMap(({ paths, commands }) => commands.filter((command) => !isRunnable(command)).map(({ command, needs }) => `  needs ${needs}: ${paths[0]}: ${command}`)); // prettier-ignore
  if (notRun.length > 0) console.log(['\nNot run here:', ...notRun.toSorted()].join('\n'));
  const empty = plan.filter(({ commands }) => commands.length === 0).flatMap(({ paths }) => paths);
  if (empty.length > 0) console.log(`\nNo command to run in ${empty.join(', ')}`);
  const ran = plan.filter(({ commands }) => commands.length > 0).flatMap(({ paths }) => paths);
  console.log(
    `\n${done.length} commands of ${ran.length} pages run in ${duration(spent)}: ${ran.join(', ') || 'none'}`,
  );
  console.log(`${pages.size} pages checked; ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}

/**
 * Runs a page's commands in a folder with the samples and an own home, so that no page depends on another page's files.
 */
async function runPage({ paths, commands }: PageCommands): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'medtext-docs-'));
  const hub = await startHub();
  try {
    for (const name of ['samples', 'starter']) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    mkdirSync(join(folder, 'home'));
    const env = {
      ...process.env,
      ...{ HOME: join(folder, 'home'), USERPROFILE: join(folder, 'home'), XDG_DATA_HOME: '', XDG_CACHE_HOME: '' },
      ...{ MODELSCOPE_ENDPOINT: hub.endpoint, HF_ENDPOINT: hub.endpoint, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' },
      NO_COLOR: '1',
    };
    for (const { command } of commands) {
      const typed = command.replace(/\bRUN\b/g, () => newestRun(folder) ?? 'RUN');
      const left = done.length > 0 ? `, ${duration(secondsLeft(done, rest, spent))} left` : '';
      console.log(`[${done.length + 1}/${done.length + rest.length}${left}] ${paths.join(', ')}: ${command}`);
      const started = performance.now();
      const { code, output } = await shell(typed.replace(/^medtext /, `"${process.execPath}" "${CLI}" `), folder, env);
      const seconds = (performance.now() - started) / 1000;
      spent += seconds;
      done.push(rest.shift()!);
      if (code === 0) times[command] = seconds;
      else {
        problems.push(...paths.map((path) => `${path}: exit ${code}: ${command}`));
        console.error(`${output}\n${paths.join(', ')}: exit ${code}: ${command}`);
      }
    }
    mkdirSync(join(ROOT, '.artefacts'), { recursive: true });
    writeFileSync(TIMES, `${JSON.stringify(times, null, 2)}\n`);
  } finally {
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A hub with the repositories that the pages name: a tiny StructBERT as the encoder, and rows of the samples as the
 * corpus.
 */
function startHub(): Promise<LoopbackHub> {
  const stored = (folder: string): Record<string, StoredFile> =>
    Object.fromEntries(readdirSync(folder).map((name) => [name, { content: readFileSync(join(folder, name)) }]));
  const model = { files: stored(join(ROOT, 'test/fixtures/checkpoints/structbert')) };
  const rows = (split: string, most: number) => {
    const all = JSON.parse(readFileSync(join(ROOT, `samples/medical-pairs/${split}.json`), 'utf8')) as unknown[];
    return { content: Buffer.from(JSON.stringify(all.slice(0, most))) };
  };
  const splits = { train: { meta: 'KUAKE-QQR_train.json' }, validation: { meta: 'KUAKE-QQR_dev.json' } };
  const files = {
    'CBLUE-KUAKE-QQR.json': { content: Buffer.from(JSON.stringify({ default: splits })) },
    'KUAKE-QQR_train.json': rows('train', 64),
    'KUAKE-QQR_dev.json': rows('validation', 32),
  };
  return LoopbackHub.start(
    { 'damo/nlp_medical_structbert_backbone_base': model },
    { 'chuanqi/CBLUE-KUAKE-QQR': { files } },
  );
}

function shell(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, { cwd, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

/** Undefined where no command before has made one: the command that names it then fails, and is reported. */
function newestRun(folder: string): string | undefined {
  const places = ['runs', 'samples/runs'].map((name) => join(folder, name)).filter((place) => existsSync(place));
  const runs = places.flatMap((place) => readdirSync(place).map((name) => join(place, name)));
  return runs.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;
}
