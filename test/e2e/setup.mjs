// Installs a real VS Code (code-server), the Node it wants and a browser driver into a cache folder outside the
// checkout, from the package registry and Debian only; does nothing when they are there. About 2.5 minutes.
// MEDTEXT_E2E_EDITOR=1.100 takes the oldest VS Code that the manifest allows.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The editors by VS Code's version. `scripts`: whether the package's install scripts work without other downloads. */
const editors = {
  newest: { codeServer: '4.139.1', node: '24.21.0', playwright: '1.65.1', scripts: true },
  '1.100': { codeServer: '4.100.3', node: '20.20.2', playwright: '1.65.1', scripts: false },
};
const { MEDTEXT_E2E_EDITOR: editor = 'newest', MEDTEXT_E2E_CACHE: cache = join(homedir(), '.cache', 'medtext-e2e') } =
  process.env;
const versions = editors[editor];
/** The oldest VS Code that the manifest allows. */
export const isFloor = editor === '1.100';
if (!versions) throw new Error(`MEDTEXT_E2E_EDITOR is one of ${Object.keys(editors).join(', ')}, not ${editor}`);
const debianPackages = [
  ...['chromium', 'fonts-noto-cjk'],
  ...(versions.scripts ? [] : ['ripgrep']),
  ...['libkrb5-dev', 'libsecret-1-dev', 'libxkbfile-dev', 'libx11-dev', 'python3', 'make', 'g++', 'pkg-config'],
];

export const cacheFolder = editor === 'newest' ? cache : join(cache, editor);
export const serverNode = join(cacheFolder, 'serverNode');
const serverFolder = join(cacheFolder, 'app/node_modules/code-server');
export const serverEntry = join(serverFolder, 'out/node/entry.js');
export const bareServerEntry = join(serverFolder, 'lib/vscode/out/server-main.js');
export const playwrightFolder = join(cacheFolder, 'app/node_modules/playwright-core');
export const chromium =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync) ?? '/usr/bin/chromium';

/** Installs what is missing. Two calls at the same time wait for each other. */
export async function setup() {
  installDebianPackages();
  const { codeServer, node, playwright } = versions;
  const stamp = join(cacheFolder, `.ready-${codeServer}-${node}-${playwright}`);
  if (existsSync(stamp)) return;
  mkdirSync(cacheFolder, { recursive: true });
  const unlock = await lock(join(cacheFolder, '.lock'));
  try {
    if (existsSync(stamp)) return;
    console.log(`Installing VS Code (code-server ${codeServer}) into ${cacheFolder}; this takes a few minutes once.`);
    for (const folder of ['node', 'app', 'serverNode'])
      rmSync(join(cacheFolder, folder), { recursive: true, force: true });
    installNode();
    installServer();
    const version = execFileSync(serverNode, [serverEntry, '--config', join(cacheFolder, 'config.yaml'), '--version'], {
      encoding: 'utf8',
    });
    console.log(version.trim().split('\n').pop());
    writeFileSync(stamp, '');
  } finally {
    unlock();
  }
}

/** Installs Node from its npm package, which has the binary and the headers for compiling native modules. */
function installNode() {
  npmInstall(join(cacheFolder, 'node'), [`node@${versions.node}`], {});
  const folder = readdirSync(join(cacheFolder, 'node/node_modules'), { recursive: true }).find((path) =>
    /node-(linux|darwin)-[^/]+\/bin\/node$/.test(path),
  );
  if (!folder) throw new Error('the package of Node brought no binary');
  symlinkSync(join(cacheFolder, 'node/node_modules', folder), serverNode);
}

function installServer() {
  const binary = execFileSync('readlink', ['-f', serverNode], { encoding: 'utf8' }).trim();
  const root = binary.replace(/\/bin\/node$/, '');
  const environment = { PATH: `${root}/bin:${process.env.PATH}`, npm_config_nodedir: root };
  const packages = [`code-server@${versions.codeServer}`, `playwright-core@${versions.playwright}`];
  npmInstall(join(cacheFolder, 'app'), packages, environment, versions.scripts);
  if (!versions.scripts) finishServer(environment);
}

/** Does what the package's own script does, without its downloads: ripgrep comes from Debian. */
function finishServer(environment) {
  const code = join(serverFolder, 'lib/vscode');
  const inFolder = (cwd, ...words) => npm(words, cwd, environment);
  inFolder(join(cacheFolder, 'app'), 'rebuild', 'argon2');
  inFolder(code, 'install', '--omit=dev', '--ignore-scripts');
  mkdirSync(join(code, 'node_modules/@vscode/ripgrep/bin'), { recursive: true });
  copyFileSync('/usr/bin/rg', join(code, 'node_modules/@vscode/ripgrep/bin/rg'));
  for (const name of ['@vscode/spdlog', 'native-watchdog', 'kerberos']) inFolder(code, 'rebuild', name);
  // A script after node-pty's build fails, but the build itself is enough.
  if (!existsSync(join(code, 'node_modules/node-pty/build/Release/pty.node'))) {
    try {
      inFolder(code, 'rebuild', 'node-pty');
    } catch (error) {
      if (!existsSync(join(code, 'node_modules/node-pty/build/Release/pty.node'))) throw error;
    }
  }
  inFolder(join(code, 'extensions'), 'install', '--omit=dev', '--ignore-scripts');
}

function npmInstall(folder, packages, environment, scripts = true) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  npm(['install', '--no-save', `--ignore-scripts=${!scripts}`, ...packages], folder, environment);
}

function npm(words, cwd, environment) {
  const env = { ...process.env, ...environment };
  // This install would read npm settings that `npm test` or `npm run` pass down. Their user agent names the caller's Node,
  // which code-server's script would take for its own.
  for (const name of Object.keys(env)) {
    if (/^npm_(config_(ignore_scripts|prefix|local_prefix|omit|user_agent)|package_|lifecycle_)/i.test(name))
      delete env[name];
  }
  const done = spawnSync('npm', [...words, '--no-audit', '--no-fund'], { cwd, env, encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(`npm ${words.join(' ')} failed:\n${`${done.stdout}${done.stderr}`.slice(-4000)}`);
}

/** Installs missing Debian packages. On other systems, and without root, they must be installed already. */
export function installDebianPackages(names = debianPackages) {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/dpkg-query')) return;
  const isInstalled = (name) =>
    spawnSync('dpkg-query', ['-W', '-f=${Status}', name], { encoding: 'utf8' }).stdout?.includes('ok installed');
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`please install: sudo apt-get install ${missing.join(' ')}`);
  console.log(`Installing ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { stdio: 'ignore', env });
}

async function lock(file) {
  for (const end = Date.now() + 15 * 60_000; Date.now() < end;) {
    try {
      const descriptor = openSync(file, 'wx');
      writeFileSync(descriptor, String(process.pid));
      closeSync(descriptor);
      return () => rmSync(file, { force: true });
    } catch {
      // The lock of a process that no longer runs is removed.
      const owner = Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
      if (owner > 0 && !existsSync(`/proc/${owner}`)) rmSync(file, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  throw new Error(`${file} is held by another installation`);
}

if (process.argv[1]?.endsWith('setup.mjs')) await setup();
