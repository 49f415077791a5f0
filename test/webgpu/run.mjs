// npm run test:webgpu: mocha over test/webgpu on the machine's GPU, or on a driver that plays one in software
// (SwiftShader, inside Chromium's package): slow, but with a GPU's semantics.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installDebianPackages } from '../e2e/setup.mjs';

process.chdir(resolve(import.meta.dirname, '../..'));
const software = '/usr/lib/chromium/vk_swiftshader_icd.json';
const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
const folder = mkdtempSync(join(tmpdir(), 'medtext-webgpu-'));
// A GPU of one's own is used when its driver is named, or with MEDTEXT_GPU=1 (the system's choice).
if (process.platform === 'linux' && !env.VK_DRIVER_FILES && !env.VK_ICD_FILENAMES && env.MEDTEXT_GPU !== '1') {
  const hasLoader = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes('libvulkan.so.1');
  if (!existsSync(software) || !hasLoader) installDebianPackages(['chromium', 'libvulkan1']);
  if (!existsSync(software)) throw new Error(`no Vulkan driver: ${software} is not there (Debian's package chromium)`);
  Object.assign(env, { VK_DRIVER_FILES: software, VK_ICD_FILENAMES: software });
}
env.XDG_RUNTIME_DIR ??= folder;
const mocha = [
  '--no-config',
  '--require',
  'tsx/cjs',
  '--require',
  './test/support/environment.cjs',
  '--require',
  './test/webgpu/oneContext.ts',
  // A driver in software, on a machine that may be busy with more.
  '--timeout',
  '400000',
];
const { status } = spawnSync(
  process.execPath,
  ['node_modules/mocha/bin/mocha.js', ...mocha, ...process.argv.slice(2), 'test/webgpu/*.test.ts'],
  { stdio: 'inherit', env },
);
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
