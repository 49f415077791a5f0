// npm run package [-- --target linux-x64 | --all] [--out FILE] [--base URL]: writes a VSIX for one platform, or one for
// each. A VSIX holds only its platform's runtime library. --base is the address of the repository's files, for the
// links of the marketplace's page.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

// VS Code's name of a platform, the runtime's folder for it, and the largest size of its package. With onnxruntime-node
// 1.30.0 the packages have 36.6, 29.1, 47.5, 48.7 and 31.8 MB. The starter encoder takes 14.5 MB of them, and all other
// files of ours 4.2 MB. The rest is the runtime's libraries, on Windows with DirectML and a shader compiler. The limit
// of Linux x64 was set to 40 MB. It leaves 3 MB for our files to grow; the other limits leave the same.
const platforms = {
  'linux-x64': { folder: 'linux/x64', maxMegabytes: 40 },
  'linux-arm64': { folder: 'linux/arm64', maxMegabytes: 32 },
  'win32-x64': { folder: 'win32/x64', maxMegabytes: 51 },
  'win32-arm64': { folder: 'win32/arm64', maxMegabytes: 52 },
  'darwin-arm64': { folder: 'darwin/arm64', maxMegabytes: 35 },
};

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: `${process.platform}-${process.arch}` },
    all: { type: 'boolean', default: false },
    out: { type: 'string' },
    base: { type: 'string' },
  },
});
const { target } = values;
if (values.all && values.out !== undefined) fail('--out names one file, --all makes several');
if (!Object.hasOwn(platforms, target)) {
  fail(`no runtime library for ${target}; there is one for ${Object.keys(platforms).join(', ')}`);
}
const { name, version, repository } = JSON.parse(readFileSync('package.json', 'utf8'));

execFileSync(process.execPath, ['esbuild.mjs', '--production'], { stdio: 'inherit' });
const made = (values.all ? Object.keys(platforms) : [target]).map(packageFor);
for (const { output, megabytes, sha256 } of made)
  console.log(`${output}: ${megabytes.toFixed(1)} MB, sha256 ${sha256}`);

/**
 * Writes the package of one platform. The marketplace's page resolves relative pictures and links of README.md against
 * `--base`, else against package.json's `repository`. Without either they stay relative and do not work there.
 */
function packageFor(platform) {
  const { folder, maxMegabytes } = platforms[platform];
  const library = `node_modules/onnxruntime-node/bin/napi-v6/${folder}`;
  if (!existsSync(library)) fail(`${library} is missing; run npm install`);
  const output = values.out ?? `${name}-${platform}-${version}.vsix`;
  const temporary = mkdtempSync(join(tmpdir(), 'medtext-package-'));
  try {
    const ignoreFile = join(temporary, 'vscodeignore');
    // macOS's library is there twice. The binding loads the one without the full version in its name.
    const files = readdirSync(library).filter((file) => !/\d+\.\d+\.dylib$/.test(file));
    const kept = files.map((file) => `!${library}/${file}\n`).join('');
    writeFileSync(ignoreFile, `${readFileSync('.vscodeignore', 'utf8')}${kept}`);
    const vsce = 'node_modules/@vscode/vsce/vsce';
    const options = ['--target', platform, '--ignoreFile', ignoreFile, '--out', output];
    const links = values.base
      ? ['--baseContentUrl', values.base, '--baseImagesUrl', values.base]
      : repository
        ? []
        : ['--no-rewrite-relative-links'];
    const quiet = ['--allow-missing-repository', '--skip-license', ...links];
    execFileSync(process.execPath, [vsce, 'package', ...options, ...quiet], { stdio: 'inherit', env: repeatable() });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const megabytes = statSync(output).size / 1e6;
  if (megabytes > maxMegabytes) fail(`${output} weighs ${megabytes.toFixed(1)} MB, more than ${maxMegabytes}`);
  return { output, megabytes, sha256: createHash('sha256').update(readFileSync(output)).digest('hex') };
}

/** Every file gets the time of the last commit, so that the same commit gives a package with the same SHA-256. */
function repeatable() {
  const SOURCE_DATE_EPOCH = process.env.SOURCE_DATE_EPOCH ?? timeOfCommit();
  return { ...process.env, ...(SOURCE_DATE_EPOCH && { SOURCE_DATE_EPOCH }), TZ: 'UTC' };
}

/** The last commit's time in seconds. Undefined outside a repository. */
function timeOfCommit() {
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
