/** What others wrote is shipped with its licence. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './sourceGraph';

type Metafile = { outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }> };

function metafileOf(...inputs: readonly string[]): Metafile {
  const used = inputs.map((input) => [input, { bytesInOutput: 1 }] as const);
  return { outputs: { 'dist/x.js': { inputs: { ...Object.fromEntries(used), 'src/base/errors.ts': { bytesInOutput: 1 } } } } };
} // prettier-ignore

describe('third-party notices', () => {
  let notices: (metafiles: readonly Metafile[]) => string;

  before(async () => {
    const script = '../../scripts/thirdPartyNotices.mjs';
    ({ thirdPartyNotices: notices } = (await import(script)) as { thirdPartyNotices: typeof notices });
  });

  it('carry the licence of each bundled package, the innermost one, and of the runtime', () => {
    const text = notices([metafileOf('node_modules/ajv/dist/ajv.js', 'node_modules/ajv/node_modules/yauzl/index.js')]);
    const licence = readFileSync(path.join(ROOT, 'node_modules/yauzl/LICENSE'), 'utf8').trim();
    assert.ok(text.includes(licence));
    for (const name of ['ajv', 'yauzl', 'onnxruntime-node', 'onnxruntime-common']) {
      assert.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)`, 'm'));
    }
    assert.doesNotMatch(text, /^lit-html /m);
  });

  it('refuse a package without a licence text', () => {
    const bundled = metafileOf('node_modules/onnxruntime-web/dist/ort.mjs');
    assert.throws(() => notices([bundled]), /onnxruntime-web is shipped but has no licence text/);
  });
});
