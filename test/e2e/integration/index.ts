import Mocha from 'mocha';
import { writeFileSync } from 'node:fs';

/** Runs mocha in the extension host. VS Code waits for it, but only the result file counts as the outcome. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 90_000, color: false });
  mocha.suite.emit('pre-require', globalThis as unknown as Mocha.MochaGlobals, '', mocha);
  await import('./extension');
  await import('./commands');
  await import('./processes');
  await import('./library');
  const tests: object[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    runner.on('pass', (test) => tests.push({ title: test.fullTitle(), state: 'passed', ms: test.duration }));
    runner.on('fail', (test, error: Error) =>
      tests.push({ title: test.fullTitle(), state: 'failed', error: error.stack }),
    );
    runner.on('pending', (test) => tests.push({ title: test.fullTitle(), state: 'pending' }));
  });
  writeFileSync(process.env.MEDTEXT_E2E_RESULT!, JSON.stringify({ failures, tests }, undefined, 1));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
