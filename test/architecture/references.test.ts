/** A comment or a README that names a file which has moved leads nobody anywhere. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { filesUnder, ROOT } from './sourceGraph';

const PAGES = ['README.md', 'README.zh-cn.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const PATHS = /(?<![\w./-])(?:src|webview|test)\/[\w./-]*\w/g;

describe('references', () => {
  it('to files and folders of the repository lead somewhere', () => {
    const texts = [...['src', 'webview', 'bench', 'docs'].flatMap(filesUnder), ...PAGES];
    const lost = texts
      .filter((file) => /\.(ts|md)$/.test(file))
      .flatMap((file) => {
        const named = readFileSync(path.join(ROOT, file), 'utf8').match(PATHS) ?? [];
        return named.filter((name) => !isThere(name)).map((name) => `${file}: ${name}`);
      });
    assert.deepEqual(lost, []);
  });

  it('by links of Markdown lead somewhere', () => {
    const pages = ['src', 'webview', 'test', 'bench', 'docs', 'samples', 'starter'].flatMap(filesUnder);
    const lost = [...pages, ...PAGES]
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) => {
        const links = readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\]\(([^)#\s]+)/g);
        const here = [...links].map(([, link]) => link).filter((link) => !/^\w+:/.test(link));
        return here.filter((link) => !existsSync(path.join(ROOT, path.dirname(file), link))).map((link) => `${file}: ${link}`); // prettier-ignore
      });
    assert.deepEqual(lost, []);
  });
});

function isThere(name: string): boolean {
  return ['', '.ts', '.md'].some((ending) => existsSync(path.join(ROOT, name + ending)));
}
