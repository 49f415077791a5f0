// npm run test:e2e [-- --only integration|ui] [--no-package] [--grep TEXT]: runs the tests in a real VS Code.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { runIntegration, startServer } from './editor.mjs';
import { setup } from './setup.mjs';
import { makeWorkspace } from './workspace.mjs';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, grep: { type: 'string' }, package: { type: 'boolean', default: true } },
  allowNegative: true,
});
process.chdir(resolve(import.meta.dirname, '../..'));
const artefacts = resolve('.artefacts');
mkdirSync(artefacts, { recursive: true });
mkdirSync('out/e2e', { recursive: true });

await setup();
let failed = false;
if (options.only !== 'ui') failed = !(await integration()) || failed;
if (options.only !== 'integration') failed = !ui() || failed;
process.exitCode = failed ? 1 : 0;

/** Runs mocha inside the extension host, on the development build. */
async function integration() {
  execFileSync(process.execPath, ['esbuild.mjs'], { stdio: 'inherit' });
  await build({
    entryPoints: { index: 'test/e2e/integration/index.ts' },
    outdir: 'out/e2e',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  const resultFile = resolve('out/e2e/result.json');
  const workspace = makeWorkspace();
  const server = await startServer({ testDriver: true, env: { MEDTEXT_E2E_RESULT: resultFile } });
  try {
    const { ok, code, result } = await runIntegration({
      server,
      extensionFolder: resolve('.'),
      entry: resolve('out/e2e/index'),
      workspace: workspace.folder,
      resultFile,
      screenshot: join(artefacts, 'integration-failed.png'),
    });
    for (const { title, state, ms, error } of result?.tests ?? []) {
      console.log(`  ${state === 'passed' ? '✔' : state === 'failed' ? '✘' : '-'} ${title}${ms ? ` (${ms} ms)` : ''}`);
      if (error) console.log(`    ${error.replaceAll('\n', '\n    ')}`);
    }
    console.log(ok ? 'integration: passed' : `integration: FAILED (exit ${code})`);
    return ok;
  } finally {
    await server.stop();
    workspace.remove();
  }
}

/** Installs the packaged extension and drives it through its interface. */
function ui() {
  if (options.package)
    execFileSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const vsix = resolve(`${name}-${process.platform}-${process.arch}-${version}.vsix`);
  const pages = ['datasetPreviewPage', 'labelMappingPage', 'accessibility'].map((name) => `test/e2e/${name}.mjs`);
  const suites = [
    'test/e2e/packaged.mjs',
    'test/e2e/activation.mjs',
    'test/e2e/ui.mjs',
    'test/e2e/flow.mjs',
    'test/e2e/windows.mjs',
    'test/e2e/layout.mjs',
    'test/e2e/keyboard.mjs',
    'test/e2e/labelMapping.mjs',
    'test/e2e/datasetPreview.mjs',
    'test/e2e/entities.mjs',
    'test/e2e/severalLabels.mjs',
    'test/e2e/ranking.mjs',
    'test/e2e/similarityPanel.mjs',
    'test/e2e/precision.mjs',
    'test/e2e/modelLibrary.mjs',
    'test/e2e/pretraining.mjs',
    'test/e2e/documentation.mjs',
    'test/e2e/gpuRuntime.mjs',
    ...pages,
  ];
  const env = { ...process.env, MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts };
  const first = drive(suites, env, options.grep);
  const tests = options.grep ? first : repeated(first, (suite) => drive(suites, env, `^${literally(suite)} `));
  writeFileSync('out/e2e/ui.json', JSON.stringify({ tests }));
  return tests.length > 0 && tests.every(({ state }) => state === 'passed');
}

/** Runs mocha and returns its tests with their results, and one failed test more if mocha did not come to its end. */
function drive(suites, env, grep) {
  const resultFile = resolve('out/e2e/mocha.json');
  rmSync(resultFile, { force: true });
  // tsx is needed because the pages' tests build a page as the extension does.
  const loader = ['--import', 'tsx', 'node_modules/mocha/bin/mocha.js'];
  const mocha = [...loader, '--no-config', '--timeout', '180000', '--reporter', 'test/e2e/reporter.cjs', ...suites];
  if (grep) mocha.push('--grep', grep);
  const { status } = spawnSync(process.execPath, mocha, {
    stdio: 'inherit',
    env: { ...env, MEDTEXT_E2E_TESTS: resultFile },
  });
  const { tests, ended } = existsSync(resultFile)
    ? JSON.parse(readFileSync(resultFile, 'utf8'))
    : { tests: [], ended: false };
  return ended ? tests : [...tests, { suite: '', title: 'mocha', state: 'failed', error: `exit ${status}` }];
}

/**
 * Repeats failed tests once in a fresh window and reports them, because a window in a browser on a busy machine fails now and
 * then. More than a few failures at once are not repeated.
 */
function repeated(tests, again) {
  const failed = tests.filter(({ state }) => state === 'failed');
  const suites = [...new Set(failed.map(({ suite }) => suite))];
  if (suites.length === 0 || suites.length > 5 || suites.includes('')) return tests;
  const second = suites.flatMap((suite) => {
    console.log(`\n== once more, in a fresh window: ${suite}`);
    return again(suite).filter((test) => test.suite === suite || test.suite === '');
  });
  for (const { title, error } of failed) {
    const isMended = second.some((test) => test.title === title && test.state === 'passed');
    if (isMended)
      console.log(`failed once, and passed when repeated: ${title}\n    ${error?.replaceAll('\n', '\n    ')}`);
  }
  return [...tests.filter(({ suite }) => !suites.includes(suite)), ...second];
}

function literally(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
