/**
 * npm run docs:check [-- PAGE …]: links, blocks and languages of the pages, and every command that stands in them, run on
 * the samples as the page has them, one after the other. What needs a hub runs on a loopback hub; what needs more is listed.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackHub, type StoredFile } from '../../test/hub/support/loopbackHub';
import { ROOT } from './languages';
import { commandsOf, pageProblems, readPages, RUNNABLE_NEEDS, type ShellCommand } from './pageProblems';

const CLI = join(ROOT, 'dist/cli.js');
const pages = readPages();
const problems = pageProblems(pages);
for (const problem of problems) console.error(problem);

const wanted = process.argv.slice(2);
const notRun = new Map<string, string[]>();
let count = 0;

void main();

async function main(): Promise<void> {
  // Both languages have the same commands.
  const english = [...pages].filter(([path]) => path === 'README.md' || path.startsWith('docs/en/'));
  for (const [path, text] of english) {
    if (wanted.length > 0 && !wanted.includes(path)) continue;
    const commands = commandsOf(text);
    for (const { command, needs } of commands) if (needs && !RUNNABLE_NEEDS.includes(needs)) notRun.set(needs, [...(notRun.get(needs) ?? []), `${path}: ${command}`]); // prettier-ignore
    const runnable = commands.filter(({ needs }) => needs === undefined || RUNNABLE_NEEDS.includes(needs));
    if (runnable.length > 0) await runPage(path, runnable);
  }

  console.log('\nNot run here:');
  for (const [needs, commands] of notRun) console.log([`  needs ${needs}`, ...commands.map((line) => `    ${line}`)].join('\n')); // prettier-ignore
  console.log(`\n${count} commands run; ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}

/** A folder with the samples and a home of its own for each page: what one page leaves behind helps no other. */
async function runPage(path: string, commands: readonly ShellCommand[]): Promise<void> {
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
      const typed = command.replace(/\bRUN\b/g, () => newestRun(folder));
      console.log(`${path}: ${typed}`);
      count++;
      const { code, output } = await shell(typed.replace(/^medtext /, `"${process.execPath}" "${CLI}" `), folder, env);
      if (code === 0) continue;
      problems.push(`${path}: exit ${code}: ${command}`);
      console.error(`${output}\n${problems.at(-1)}`);
    }
  } finally {
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The repositories that the pages name: a tiny StructBERT in the encoder's place, and rows of the samples in the corpus's. */
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

function newestRun(folder: string): string {
  const places = ['runs', 'samples/runs'].map((name) => join(folder, name)).filter((place) => existsSync(place));
  const runs = places.flatMap((place) => readdirSync(place).map((name) => join(place, name)));
  const newest = runs.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest === undefined) throw new Error('A page names RUN before a command that makes one.');
  return newest;
}
