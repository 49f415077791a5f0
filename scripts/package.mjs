// npm run package [-- --target linux-x64 | --all] [--out FILE] [--base URL]: a VSIX for one platform, or one for each, with only that
// platform's runtime library inside. --base: where the repository's files can be fetched, for the links of the marketplace's page.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

// VS Code's name of a platform to the runtime's folder, and how large the package may become. With onnxruntime-node 1.30.0 they are 36.6, 29.1,
// 47.5, 48.7 and 31.8 MB: 14.5 of the starter encoder, 4.2 of all else that is ours, and the runtime's libraries, of which Windows has DirectML
// and a compiler of shaders besides. 40 MB are Linux-x64's by decision; what that leaves for our part to grow, 3 MB, the others have, too.
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
const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));

execFileSync(process.execPath, ['esbuild.mjs', '--production'], { stdio: 'inherit' });
const made = (values.all ? Object.keys(platforms) : [target]).map(packageFor);
for (const { output, megabytes, sha256 } of made)
  console.log(`${output}: ${megabytes.toFixed(1)} MB, sha256 ${sha256}`);

/** The package of one platform. The page of the marketplace finds pictures and links of README.md below `--base`. */
function packageFor(platform) {
  const { folder, maxMegabytes } = platforms[platform];
  const library = `node_modules/onnxruntime-node/bin/napi-v6/${folder}`;
  if (!existsSync(library)) fail(`${library} is missing; run npm install`);
  const output = values.out ?? `${name}-${platform}-${version}.vsix`;
  const temporary = mkdtempSync(join(tmpdir(), 'medtext-package-'));
  try {
    const ignoreFile = join(temporary, 'vscodeignore');
    // macOS's library is there twice; the binding loads the one without the full version.
    const files = readdirSync(library).filter((file) => !/\d+\.\d+\.dylib$/.test(file));
    const kept = files.map((file) => `!${library}/${file}\n`).join('');
    writeFileSync(ignoreFile, `${readFileSync('.vscodeignore', 'utf8')}${kept}`);
    const vsce = 'node_modules/@vscode/vsce/vsce';
    const options = ['--target', platform, '--ignoreFile', ignoreFile, '--out', output];
    const links = values.base
      ? ['--baseContentUrl', values.base, '--baseImagesUrl', values.base]
      : ['--no-rewrite-relative-links'];
    const quiet = ['--allow-missing-repository', '--skip-license', ...links];
    execFileSync(process.execPath, [vsce, 'package', ...options, ...quiet], { stdio: 'inherit' });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const megabytes = statSync(output).size / 1e6;
  if (megabytes > maxMegabytes) fail(`${output} weighs ${megabytes.toFixed(1)} MB, more than ${maxMegabytes}`);
  return { output, megabytes, sha256: createHash('sha256').update(readFileSync(output)).digest('hex') };
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
