import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { HubClient } from '../../src/hub/download';
import { hubSettings } from '../../src/hub/hubSettings';
import { importSource } from '../../src/library/importSource';
import { modelFacts } from '../../src/library/modelRecord';
import { findSource } from '../../src/library/modelSource';
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
});
