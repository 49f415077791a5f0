/** A measured process, ours or the reference's: it warms up, takes turns, and ends with a report. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hugePages } from '../../src/base/hugePages';

export class Contestant<Report> {
  private readonly lines: AsyncIterator<string>;
  private readonly ended: Promise<string>;

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    let errors = '';
    child.stderr!.on('data', (data) => (errors = (errors + data).slice(-4000)));
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(`ended with ${signal ?? code}\n${errors}`));
    });
    // A process that has died is heard of by the line that does not come.
    child.stdin!.on('error', () => undefined);
  }

  /** A script of ours as a process of its own, in huge pages if the command line runs such work in them. */
  static async ours<Report>(
    script: string,
    args: readonly string[],
    { inHugePages }: { inHugePages: boolean },
  ): Promise<Contestant<Report>> {
    return Contestant.ready(
      'ours',
      process.execPath,
      [...process.execArgv, script, ...args],
      inHugePages ? hugePages() : {},
    );
  }

  static async reference<Report>(python: string, script: string, args: readonly string[]): Promise<Contestant<Report>> {
    return Contestant.ready('the reference', python, [join(__dirname, '../reference', script), ...args], {});
  }

  private static async ready<Report>(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    const contestant = new Contestant<Report>(name, child);
    await contestant.next();
    return contestant;
  }

  /** One step, in seconds. */
  async turn(): Promise<number> {
    this.child.stdin!.write('\n');
    return (await this.next<{ seconds: number }>()).seconds;
  }

  async finish(): Promise<Report> {
    this.child.stdin!.end();
    const report = await this.next<Report>();
    await this.ended;
    return report;
  }

  private async next<T>(): Promise<T> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name}: ${await this.ended}`);
    return JSON.parse(value) as T;
  }
}

/** Runs the contestants' turns alternately. */
export async function alternate(contestants: readonly (Contestant<unknown> | undefined)[], turns: number) {
  for (let turn = 0; turn < turns; turn++) {
    for (const contestant of contestants) await contestant?.turn();
  }
}

/** The Python with ModelScope's trainer, by MEDTEXT_MODELSCOPE_PYTHON; undefined where nothing names one. */
export function modelscopePython(): string | undefined {
  return process.env.MEDTEXT_MODELSCOPE_PYTHON || undefined;
}

/** The Python to compare with, if it has PyTorch and transformers; else undefined, after saying so. */
export function referencePython(): string | undefined {
  const python = process.env.MEDTEXT_PYTHON || 'python3';
  const { status, error, stderr } = spawnSync(python, ['-c', 'import torch, transformers'], { encoding: 'utf8' });
  if (status === 0) return python;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  console.error(
    `No comparison: ${python} cannot import torch and transformers (${reason}). Only our own figures follow.\n` +
      'Set MEDTEXT_PYTHON to a Python that has both (pip install torch transformers).\n',
  );
  return undefined;
}
