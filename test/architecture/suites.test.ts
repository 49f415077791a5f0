/** Every suite is found by the runner: none waits in a folder that nobody runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { filesUnder, ROOT } from './sourceGraph';

const CONFIG = JSON.parse(readFileSync(path.join(ROOT, '.mocharc.json'), 'utf8')) as {
  spec: string[];
  ignore: string[];
};

/** Those start an editor of their own and have their own runner. */
const IN_AN_EDITOR = 'test/e2e/';
/** Those need a GPU, or a driver that plays one, and have their own runner too; their suites are mocha's. */
const ON_A_GPU = 'test/webgpu/';

const FILES = ['test', 'src', 'webview', 'bench', 'samples', 'media'].flatMap(filesUnder);

describe('every suite', () => {
  it('that is named as one is run', () => {
    const patterns = CONFIG.spec.map(globPattern);
    const suites = FILES.filter((file) => /\.(test|spec)\.[cm]?[jt]sx?$/.test(file));
    assert.ok(suites.includes('test/architecture/suites.test.ts'));
    assert.deepEqual(
      suites.filter((file) => !patterns.some((pattern) => pattern.test(file))),
      [],
    );
  });

  it('is run but those in an editor and on a GPU', () => {
    assert.deepEqual(CONFIG.ignore, [`${IN_AN_EDITOR}**`, `${ON_A_GPU}**`]);
  });

  it('is named as one, runs whole and is not skipped', () => {
    for (const file of FILES) {
      if (!/\.[cm]?[jt]s$/.test(file) || file.startsWith(IN_AN_EDITOR)) continue;
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      if (/^\s*describe(\.\w+)?\(/m.test(text))
        assert.match(file, /^test\/.*\.test\.ts$/, 'a suite under another name');
      assert.doesNotMatch(text, /^\s*(describe|it)\.(only|skip)\(/m, file);
    }
  });
});

/** What of a glob the runner's configuration uses: ** for folders, * within a name; neither begins with a dot. */
function globPattern(glob: string): RegExp {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\?]/g, '\\$&')
    .replace(/\*\*\//g, '(FOLDER)*')
    .replace(/(?<!\))\*/g, '(?!\\.)[^/]*')
    .replaceAll('FOLDER', '(?!\\.)[^/]+/');
  return new RegExp(`^${pattern}$`);
}
