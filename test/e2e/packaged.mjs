// The contents of the packages, read as zip files without installing them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPromise } from 'yauzl';

const { MEDTEXT_E2E_VSIX: vsix } = process.env;
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** Paths inside the extension's folder, and a function that reads one. */
async function contentsOf(file) {
  const zip = await openPromise(file, { autoClose: false });
  const entries = new Map();
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName.replace(/^extension\//, ''), entry);
  const read = async (path) => {
    const parts = [];
    for await (const part of await zip.openReadStreamPromise(entries.get(path))) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  };
  return { paths: [...entries.keys()], read, close: () => zip.close() };
}

const allowed = [
  /^(\[Content_Types\]\.xml|extension\.vsixmanifest|package\.json|package\.nls(\.zh-cn)?\.json)$/,
  /^(readme\.md|changelog\.md|LICENSE\.txt)$/i,
  /^l10n\/bundle\.l10n\.zh-cn\.json$/,
  /^media\/[\w./-]+\.(svg|png)$/,
  /^dist\/\w+\.js$/,
  /^dist\/webview\/\w+\.(js|css)$/,
  /^dist\/(recipe|labels)\.schema(\.zh-cn)?\.json$/,
  // Pages that errors and the command Documentation open.
  /^dist\/docs\/(en|zh-cn)\/[\w-]+\.md$/,
  /^dist\/THIRD_PARTY_NOTICES\.txt$/,
  // The starter encoder, and the files that Try the Sample copies.
  /^starter\/(README\.md|LICENSE(\.txt)?|model\.q4|1_Pooling\/config\.json|\w+\.json)$/,
  /^samples\/(starter\.medtext\.json|medical-pairs\/(README\.md|(train|validation|test)\.json))$/,
  /^node_modules\/onnxruntime-(node|common)\/package\.json$/,
  /^node_modules\/onnxruntime-(node\/dist|common\/dist\/cjs)\/([\w.-]+\/)*([\w.-]+\.js|package\.json)$/,
];

/** The paths that the manifest names. */
function namedFiles() {
  const { contributes } = manifest;
  const texts = ['package.nls.json', 'package.nls.zh-cn.json'].map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const words = JSON.stringify({ icon: manifest.icon, main: manifest.main, contributes, texts });
  const paths = words.match(/"(\.\/)?(media|dist)\/[^"]+"/g).map((text) => text.slice(1, -1).replace(/^\.\//, ''));
  return [...new Set(paths)].filter((path) => !path.includes('*'));
}

describe('the package', () => {
  const os = `${process.platform}/${process.arch}`;
  let contents;
  before(async () => (contents = await contentsOf(vsix)));
  after(() => contents?.close());

  it('holds what is allowed and nothing else: no source map, no test, one platform’s library', () => {
    const library = new RegExp(`^node_modules/onnxruntime-node/bin/napi-v6/${os}/[\\w.+-]+$`);
    const other = contents.paths.filter((path) => ![...allowed, library].some((pattern) => pattern.test(path)));
    assert.deepEqual(other, []);
    assert.ok(contents.paths.some((path) => library.test(path)));
  });

  it('holds every file that the manifest, the walkthrough and the windows name', () => {
    const names = namedFiles();
    assert.ok(names.length > 8, 'the manifest names files');
    const pages = manifest.activationEvents.flatMap(
      (event) => /^onWebviewPanel:medtext\.(\w+)$/.exec(event)?.[1] ?? [],
    );
    assert.ok(pages.length > 0);
    const entries = ['extension', 'core', 'trainer', 'scorer', 'library', 'data'].map((name) => `dist/${name}.js`);
    const webviews = readdirSync('webview').filter((name) => existsSync(`webview/${name}/main.ts`));
    const bundles = webviews.flatMap((name) => [`dist/webview/${name}.js`, `dist/webview/${name}.css`]);
    const missing = [...names, ...entries, ...bundles].filter((path) => !contents.paths.includes(path));
    assert.deepEqual(missing, []);
  });

  it('tells nothing of the machine that built it', async () => {
    for (const path of contents.paths.filter((name) => /^dist\/.*\.(js|css)$/.test(name))) {
      const text = await contents.read(path);
      assert.ok(!text.includes(process.cwd()), `${path} names the folder it was built in`);
      assert.ok(!/sourceMappingURL=/.test(text), `${path} names a source map`);
    }
  });

  it('is light, and starts only when it is wanted', () => {
    assert.ok(statSync(vsix).size <= 40e6);
    const vague = manifest.activationEvents.filter((event) => event === '*' || event === 'onStartupFinished');
    assert.deepEqual(vague, []);
  });

  it('is made for other platforms with their library alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-package-'));
    const target = process.platform === 'win32' ? 'linux-x64' : 'win32-x64';
    const file = join(folder, 'other.vsix');
    try {
      execFileSync(process.execPath, ['scripts/package.mjs', '--target', target, '--out', file], { stdio: 'ignore' });
      const other = await contentsOf(file);
      other.close();
      const libraries = new Set(other.paths.flatMap((path) => /napi-v6\/(\w+\/\w+)\//.exec(path)?.[1] ?? []));
      assert.deepEqual([...libraries], [target.replace('-', '/')]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
