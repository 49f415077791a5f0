// npm run test:e2e [-- --only integration|ui] [--no-package] [--grep TEXT]: everything in a real VS Code.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
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

await setup();
let failed = false;
if (options.only !== 'ui') failed = !(await integration()) || failed;
if (options.only !== 'integration') failed = !ui() || failed;
process.exitCode = failed ? 1 : 0;

/** mocha inside the extension host, on the development build. */
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

/** The packaged extension, installed and driven through its interface. */
function ui() {
  if (options.package)
    execFileSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const vsix = resolve(`${name}-${process.platform}-${process.arch}-${version}.vsix`);
  // tsx: the pages' own tests make a page as the extension does.
  const pages = ['datasetPreviewPage', 'labelMappingPage', 'accessibility'].map((name) => `test/e2e/${name}.mjs`);
  const suites = [
    'test/e2e/packaged.mjs',
    'test/e2e/activation.mjs',
    'test/e2e/ui.mjs',
    'test/e2e/keyboard.mjs',
    'test/e2e/labelMapping.mjs',
    'test/e2e/datasetPreview.mjs',
    'test/e2e/similarityPanel.mjs',
    'test/e2e/modelLibrary.mjs',
    'test/e2e/gpuRuntime.mjs',
    ...pages,
  ];
  const loader = ['--import', 'tsx', 'node_modules/mocha/bin/mocha.js'];
  const mocha = [...loader, '--no-config', '--timeout', '180000', ...suites];
  if (options.grep) mocha.push('--grep', options.grep);
  const env = { ...process.env, MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts };
  return spawnSync(process.execPath, mocha, { stdio: 'inherit', env }).status === 0;
}
