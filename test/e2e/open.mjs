// npm run vscode [-- FOLDER]: opens the extension in a VS Code to try by hand: the desktop's if there is one, otherwise a browser's.
import { execFileSync, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { startServer } from './editor.mjs';
import { setup } from './setup.mjs';
import { makeWorkspace } from './workspace.mjs';

process.chdir(resolve(import.meta.dirname, '../..'));
execFileSync(process.execPath, ['esbuild.mjs'], { stdio: 'inherit' });
const given = process.argv[2];
const workspace = given ? { folder: resolve(given), remove: () => undefined } : makeWorkspace();

if (spawnSync('code', ['--version'], { stdio: 'ignore', shell: process.platform === 'win32' }).status === 0) {
  execFileSync('code', [`--extensionDevelopmentPath=${process.cwd()}`, workspace.folder], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
} else {
  await setup();
  execFileSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { name, version } = (await import('../../package.json', { with: { type: 'json' } })).default;
  const vsix = [resolve(`${name}-${process.platform}-${process.arch}-${version}.vsix`)];
  const server = await startServer({ vsix, settings: { 'workbench.startupEditor': 'welcomePage' } });
  console.log(`\nOpen ${server.url}/?folder=${encodeURIComponent(workspace.folder)}\nCtrl-C ends it.`);
  await new Promise((done) => ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => process.once(signal, done)));
  await server.stop();
  workspace.remove();
}
