import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Settles when stdout holds the text. */
  until(text: string): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const root = join(__dirname, '..', '..', '..');
const cli = join(root, 'dist', 'cli.js');
let isBuilt = false;

/** `npm test` builds before it tests; a single test file run by hand builds when the sources are newer. */
function builtCommandLine(): string {
  if (isBuilt) return cli;
  const time = (path: string) => statSync(path).mtimeMs;
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const builtAt = existsSync(cli) ? time(cli) : 0;
  if (sources.some((name) => time(join(root, 'src', name)) > builtAt)) {
    execFileSync(process.execPath, ['esbuild.mjs'], { cwd: root });
  }
  isBuilt = true;
  return cli;
}

/** Starts `medtext` in a process of its own, as a person would. One process unless asked: the second costs a start. */
export function start(args: readonly string[], { env, cwd }: RunOptions = {}): Started {
  const child = spawn(process.execPath, [builtCommandLine(), ...args], {
    cwd,
    env: { ...process.env, MEDTEXT_NO_RESPAWN: '1', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  const until = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => stdout.includes(text) && (waiting.delete(look), resolve());
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`ended before printing ${text}: ${stdout}${stderr}`)));
    });
  return { process: child, ended, until };
}

export function medtext(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** Runs a command that must succeed with --json, and gives its lines. */
export async function medtextJson(args: readonly string[], options: RunOptions = {}): Promise<any[]> {
  const { code, stdout, stderr } = await medtext([...args, '--json'], options);
  assert.equal(code, 0, stdout + stderr);
  return jsonLines(stdout);
}

export function jsonLines(stdout: string): any[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Runs a command that must fail as said, with and without --json. */
export async function medtextFails(
  args: readonly string[],
  exitCode: number,
  code: string,
  options: RunOptions = {},
): Promise<string> {
  // prettier-ignore
  const { code: status, stdout, stderr } = await medtext([...args, '--json'], options);
  assert.equal(status, exitCode, stdout + stderr);
  const lines = jsonLines(stdout);
  const { error } = lines[lines.length - 1];
  assert.equal(error.code, code);
  assert.equal(typeof error.detail, 'object');
  assert.ok(stderr.includes(`error: ${code}: ${error.message}`), stderr);
  return error.message;
}
