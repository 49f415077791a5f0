import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelStore, type Memory } from '../../src/extension/modelStore';

function memory(): Memory {
  const values = new Map<string, unknown>();
  return {
    get: <T>(key: string) => values.get(key) as T | undefined,
    update: async (key, value) => void (value === undefined ? values.delete(key) : values.set(key, value)),
  };
}

describe('the model that scores', () => {
  let home: string;
  let library: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'medtext-store-'));
    library = join(home, 'library');
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const facts = { contentHash: 'sha256:0', modelType: 'bert', layers: 12, hiddenSize: 384, vocabSize: 9, parameterCount: 9, sizeBytes: 9, license: 'mit', revision: null, commit: null, importedAt: null, labels: [], hasMaskedLm: false }; // prettier-ignore
  const write = (folder: string, config: object, source?: string) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    if (source !== undefined) writeFileSync(join(folder, 'medtext-model.json'), JSON.stringify({ ...facts, source }));
    return folder;
  };

  it('is the starter where none was chosen, once it is unpacked; a chosen one goes before it', async () => {
    const store = new ModelStore(memory(), memory(), () => library);
    assert.equal(store.active(), undefined);
    const starter = write(join(library, 'starter-zh'), {}, 'medtext:starter-zh');
    assert.equal(store.active()?.folder, starter);
    assert.ok(store.isStarter(store.active()!));
    const own = write(join(home, 'own'), { architectures: ['BertForSequenceClassification'] });
    await store.add(own, 'fine-tuned');
    assert.equal(store.active()?.folder, starter);
    await store.activate(own);
    assert.deepEqual([store.active()?.folder, store.active()?.hasHead], [own, true]);
    rmSync(own, { recursive: true });
    assert.equal(store.active()?.folder, starter, 'the chosen one is gone');
  });

  it('is not whatever has its name', () => {
    write(join(library, 'starter-zh'), {}, 'hf:somebody/starter-zh');
    assert.equal(new ModelStore(memory(), memory(), () => library).active(), undefined);
  });

  it('may be an encoder without a head: it gives cosines', async () => {
    const store = new ModelStore(memory(), memory());
    const encoder = write(join(home, 'encoder'), { architectures: ['BertModel'] });
    await store.add(encoder, 'imported');
    await store.activate(encoder);
    assert.deepEqual([store.active()?.folder, store.active()?.hasHead], [encoder, false]);
  });
});
