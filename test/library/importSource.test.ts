import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { HubClient } from '../../src/hub/download';
import { hubSettings } from '../../src/hub/hubSettings';
import { importOnce } from '../../src/library/importOnce';
import { importSource } from '../../src/library/importSource';
import { modelFacts } from '../../src/library/modelRecord';
import { findSource, type FoundSource } from '../../src/library/modelSource';
import { verifyModel } from '../../src/library/verifyModel';
import { LoopbackHub, type StoredFile } from '../hub/support/loopbackHub';

const fixture = join(__dirname, '../fixtures/checkpoints/structbert');

describe('a model into the library', () => {
  let home: string;
  let hub: LoopbackHub;
  let client: HubClient;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-library-'));
    const files: Record<string, StoredFile> = {};
    for (const name of readdirSync(fixture)) files[name] = { content: readFileSync(join(fixture, name)) };
    files['README.md'] = {
      content: Buffer.from('---\ntasks:\n- fill-mask\nlicense: Apache License 2.0\n---\n# tiny\n'),
    };
    hub = await LoopbackHub.start({ 'damo/tiny': { files } });
  });
  after(async () => {
    await client.close();
    await hub.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('is downloaded, imported, recorded and verified; a second import has the same hash; damage is found', async () => {
    const settings = hubSettings({}, { endpoints: { modelscope: hub.endpoint, huggingface: hub.endpoint } });
    client = new HubClient({ settings });
    const downloads = join(home, 'downloads');
    const find = (source: string) => findSource(source, { client, settings, env: {}, home, downloads });
    const found = await find('modelscope:damo/tiny');
    assert.equal(found.kind, 'remote');
    const output = join(home, 'model');
    const { record } = await importSource(found, output, { client });
    assert.equal(record.source, 'modelscope:damo/tiny');
    assert.equal(record.license, 'Apache License 2.0');
    assert.equal(record.modelType, 'structbert');
    assert.ok(record.parameterCount > 1000);
    assert.ok(!existsSync(downloads) || readdirSync(downloads).length === 0, 'the download is not kept twice');

    const local = await find(fixture);
    assert.equal(local.kind, 'local');
    const again = await importSource(local, join(home, 'again'), { client });
    assert.equal(again.record.contentHash, record.contentHash);
    assert.equal((await modelFacts(output)).source, 'modelscope:damo/tiny');

    assert.equal((await verifyModel(output)).ok, true);
    const weights = join(output, 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 2] ^= 1;
    writeFileSync(weights, bytes);
    const verified = await verifyModel(output);
    assert.equal(verified.ok, false);
    assert.deepEqual(verified.files.filter(({ state }) => state === 'changed').map(({ name }) => name), ['model.safetensors']); // prettier-ignore
    assert.notEqual((await modelFacts(output)).contentHash, record.contentHash);
    await assert.rejects(find(join(home, 'none')), (error: MedTextError) => error.code === 'NOT_FOUND');
  });

  describe('two at a time', () => {
    const settle = async (work: readonly Promise<unknown>[]) =>
      (await Promise.allSettled(work)).map((result) => (result.status === 'fulfilled' ? 'done' : (result.reason as MedTextError).code)); // prettier-ignore
    const local = (name: string): FoundSource => ({ kind: 'local', path: join(home, name), origin: { kind: 'folder', reference: name } }); // prettier-ignore

    it('into one folder: the second is refused at once, and the first is whole', async () => {
      const output = join(home, 'both');
      const found: FoundSource = { kind: 'local', path: fixture, origin: { kind: 'folder', reference: 'structbert' } };
      const ends = await settle([1, 2, 3].map(() => importSource(found, output, { client })));
      assert.deepEqual(ends.sort(), ['BUSY', 'BUSY', 'done']);
      assert.equal((await verifyModel(output)).ok, true);
      assert.deepEqual(
        readdirSync(home).filter((name) => name.startsWith('.both')),
        [],
      );
    });

    it('of one download: the second is refused and does not lose its files to the first', async () => {
      const downloads = join(home, 'shared');
      const settings = hubSettings({}, { endpoints: { modelscope: hub.endpoint, huggingface: hub.endpoint } });
      const found = await findSource('modelscope:damo/tiny', { client, settings, env: {}, home, downloads });
      const ends = await settle(['one', 'two'].map((name) => importSource(found, join(home, name), { client })));
      assert.deepEqual(ends.sort(), ['BUSY', 'done']);
      assert.ok(!existsSync(downloads) || readdirSync(downloads).length === 0);
    });

    it('of one name into the library: two models, two folders', async () => {
      const models = join(home, 'models');
      for (const [name, last] of [
        ['x/same', 'a'],
        ['y/same', 'b'],
      ]) {
        cpSync(fixture, join(home, name), { recursive: true });
        const vocabulary = join(home, name, 'vocab.txt');
        const lines = readFileSync(vocabulary, 'utf8').trimEnd().split('\n');
        writeFileSync(vocabulary, `${[...lines.slice(0, -1), last].join('\n')}\n`);
      }
      const kept = await Promise.all([importOnce(local('x/same'), models, [], { client }), importOnce(local('y/same'), models, [], { client })]); // prettier-ignore
      assert.deepEqual(kept.map(({ folder }) => folder).sort(), [join(models, 'same'), join(models, 'same-2')]);
      const contents = await Promise.all(kept.map(async ({ folder }) => (await modelFacts(folder)).contentHash));
      assert.deepEqual(
        contents,
        kept.map(({ record }) => record.contentHash),
      );
      assert.notEqual(contents[0], contents[1]);
      await assert.rejects(importOnce(local('nothing'), models, [], { client }));
      assert.deepEqual(readdirSync(models).sort(), ['same', 'same-2']);
    });
  });
});
