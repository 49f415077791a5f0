import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClassifier } from '../../src/inference/openClassifier';
import { modelFacts, writeModelRecord } from '../../src/library/modelRecord';
import { verifyModel } from '../../src/library/verifyModel';
import { importModel } from '../../src/models/importModel';
import { loadNetwork } from '../../src/models/loadNetwork';
import { openModelFolder } from '../../src/models/modelFolder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { exportModel } from '../../src/exports/exportModel';
import { writeTinyModel } from '../cli/support/tinyModel';

const FIXTURES = join(__dirname, '../fixtures');
const PAIRS = [{ first: '肺炎怎么治疗', second: '头痛' }];

async function logitsOf(folder: string): Promise<number[]> {
  const classifier = await openClassifier(folder, { threads: 1 });
  const logits = await classifier.logits(PAIRS);
  await classifier.close();
  return [...logits];
}

describe('importing an ONNX file that is no BERT by its names', () => {
  let home: string;
  const at = (name: string) => join(home, name);
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'medtext-graphs-'));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  it('a quantised classifier in the layout of transformers.js: kept to the byte, scored with, recorded, verified', async () => {
    const model = await writeTinyModel(at('model'), { labels: ['no', 'yes'], layers: 1 });
    await exportModel(model, at('int8'), { format: 'onnx-int8', threads: 1 });
    cpSync(at('int8'), at('hub'), { recursive: true });
    mkdirSync(at('hub/onnx'));
    cpSync(at('hub/model_int8.onnx'), at('hub/onnx/model_quantized.onnx'));
    rmSync(at('hub/model_int8.onnx'));

    const bytes: number[] = [];
    const imported = await importModel(at('hub'), at('kept'), { onProgress: ({ doneBytes }) => bytes.push(doneBytes) });
    assert.deepEqual(readFileSync(at('kept/model_quantized.onnx')), readFileSync(at('int8/model_int8.onnx')));
    assert.equal(bytes.at(-1), readFileSync(at('kept/model_quantized.onnx')).length);
    assert.deepEqual(await logitsOf(at('kept')), await logitsOf(at('int8')));
    assert.ok(imported.parameterCount > 1000);
    assert.ok(imported.report.used.some(({ name }) => name.endsWith('/int8')));
    for (const name of ['vocab.txt', 'README.md', 'label_mapping.json', 'configuration.json']) assert.ok(existsSync(at(`kept/${name}`)), name); // prettier-ignore

    const record = await writeModelRecord(at('kept'), { kind: 'folder', reference: 'hub' });
    assert.equal(record.parameterCount, imported.parameterCount);
    assert.deepEqual([record.labels, record.hasMaskedLm, record.modelType], [['no', 'yes'], false, 'bert']);
    assert.equal((await modelFacts(at('kept'))).contentHash, record.contentHash);
    assert.equal((await verifyModel(at('kept'))).ok, true);
    // A second import takes the first one's place, as any model of ours does.
    await importModel(at('hub'), at('kept'));
    await assert.rejects(loadNetwork(await openModelFolder(at('kept')), sequenceHead, 2, { seed: 0 }), { code: 'UNSUPPORTED', message: /quantised.*not be fine-tuned/ }); // prettier-ignore
  });

  it('an architecture that is not ours is kept, external data too, and trained from there', async () => {
    mkdirSync(at('distil/onnx'), { recursive: true });
    const config = { ...JSON.parse(readFileSync(join(FIXTURES, 'checkpoints/structbert/config.json'), 'utf8')), model_type: 'distilbert' }; // prettier-ignore
    for (const name of ['dynamo.onnx', 'dynamo.onnx.data']) cpSync(join(FIXTURES, 'checkpoints', name), at(`distil/onnx/${name}`)); // prettier-ignore
    writeFileSync(at('distil/config.json'), JSON.stringify(config));
    cpSync(join(FIXTURES, 'checkpoints/structbert/vocab.txt'), at('distil/vocab.txt'));
    const { report } = await importModel(at('distil'), at('distil-kept'));
    assert.ok(report.used.length > 20);
    assert.deepEqual(readFileSync(at('distil-kept/dynamo.onnx.data')), readFileSync(at('distil/onnx/dynamo.onnx.data'))); // prettier-ignore

    // One whose output is a hidden state.
    mkdirSync(at('optimum/onnx'), { recursive: true });
    cpSync(join(FIXTURES, 'onnx/optimum.onnx'), at('optimum/onnx/model.onnx'));
    writeFileSync(at('optimum/config.json'), JSON.stringify({ model_type: 'distilbert', vocab_size: 40, dim: 16, max_position_embeddings: 12 })); // prettier-ignore
    await importModel(at('optimum'), at('optimum-kept'));
    const loaded = await loadNetwork(await openModelFolder(at('optimum-kept')), sequenceHead, 3, { seed: 0 });
    assert.match(loaded.graph!.readout, /new head on last_hidden_state/);
    assert.equal((await verifyModel(at('distil-kept'))).ok, true);
  });

  it('cancelled, it leaves nothing', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(importModel(at('distil'), at('cancelled'), { signal }), { code: 'CANCELLED' });
    assert.ok(!existsSync(at('cancelled')));
  });
});
