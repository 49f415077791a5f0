// CUDA's libraries in a real VS Code: the plan, the download from an index, a GPU that fails, and the removal.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { LoopbackIndex } from '../gpuRuntime/support/loopbackIndex.ts';
import { nvidiaFiles, providerFiles, zip } from '../gpuRuntime/support/wheels.ts';
import { choose, notification, runCommand } from './editor.mjs';
import { until, useWindow } from './window.mjs';
import manifest from '../../package.json' with { type: 'json' };

const version = manifest.dependencies['onnxruntime-node'];

describe('the GPU runtime in VS Code', () => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const home = mkdtempSync(join(tmpdir(), 'medtext-e2e-gpu-'));
  const root = join(home, 'gpu-runtime');
  // The machine seems to have a driver.
  const programs = join(home, 'bin');
  mkdirSync(programs);
  writeFileSync(join(programs, 'nvidia-smi'), '#!/bin/sh\necho 580.95.05\n');
  chmodSync(join(programs, 'nvidia-smi'), 0o755);
  // The server reads the environment of the login shell, which would set another PATH.
  const shell = join(programs, 'shell');
  writeFileSync(
    shell,
    '#!/bin/sh\nwhile [ $# -gt 1 ] && [ "$1" != -c ]; do shift; done\nshift\nexec /bin/sh -c "$1"\n',
  );
  chmodSync(shell, 0o755);
  const machineSettings = { 'http.noProxy': ['127.0.0.1'] };
  let index;
  before(async () => {
    const wheels = Object.entries(nvidiaFiles()).map(([name, files]) => [name, zip(files)]);
    const provider = `onnxruntime_gpu-${version}-cp312-cp312-manylinux_2_28_x86_64.whl`;
    index = await LoopbackIndex.start({ ...Object.fromEntries(wheels), [provider]: zip(providerFiles(version)) });
    machineSettings['medtext.gpuRuntime.index'] = index.url;
  });
  const state = useWindow({
    machineSettings,
    env: {
      SHELL: shell,
      PATH: `${programs}${delimiter}${process.env.PATH}`,
      MEDTEXT_GPU_RUNTIME: root,
      LD_LIBRARY_PATH: '',
    },
  });
  after(async () => {
    await index?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const wholeFiles = () =>
    index.requests.filter(({ path, range }) => path.startsWith('/files/') && !/^bytes=\d+-\d+$/.test(range ?? ''));

  it('says what would come from where, and how much, before anything does', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Get GPU Runtime');
    await choose(page, 'Sizes are shown first', 'Get GPU Runtime');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: 'nvidia-cublas 13.10.0.20' });
    await row.waitFor();
    const text = await row.textContent();
    for (const part of [`onnxruntime-gpu ${version}`, 'nvidia-cudnn-cu13', 'on disk after the installation']) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    const title = await page.locator('.quick-input-title').textContent();
    assert.match(title, /CUDA 13 · driver 580\.95\.05 · http:\/\/127\.0\.0\.1/);
    assert.deepEqual(wholeFiles(), []);
    assert.ok(!existsSync(root));
    await page.keyboard.press('Escape');
  });

  it('downloads, tries the card, and puts nothing in place when the card fails', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Get GPU Runtime');
    await choose(page, 'Sizes are shown first', 'Get GPU Runtime');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'nvidia-cublas' }).waitFor();
    await choose(page, 'on disk after the installation', 'CUDA 13');
    // The libraries of this test cannot be loaded.
    await notification(page, 'a training step on the GPU failed');
    assert.equal(new Set(wholeFiles().map(({ path }) => path)).size, 6);
    assert.deepEqual(readdirSync(root), ['downloads']);
  });

  it('is removed, what was kept of the download too', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Get GPU Runtime');
    await choose(page, 'Remove', 'Get GPU Runtime');
    await page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Remove' }).click();
    await notification(page, 'The GPU runtime is removed');
    await until(() => !existsSync(root), 'the folder is gone');
  });
});
