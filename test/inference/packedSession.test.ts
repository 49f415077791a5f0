import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassifierRunner, type NetworkSession } from '../../src/inference/classifierRunner';
import { FedNetwork } from '../../src/inference/fedNetwork';
import { openNetwork, PackedNetwork } from '../../src/inference/packedNetwork';
import { PackedSession, refusePrecision } from '../../src/inference/packedSession';
import { Session } from '../../src/inference/session';
import { parseEncoderConfig } from '../../src/models/configJson';
import { bertNetwork } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { openStoredWeights } from '../../src/models/storedWeights';
import { Parameters } from '../../src/models/parameters';
import { writeModelFolder } from '../../src/models/writeModelFolder';
import type { EncodedExample } from '../../src/tokenization/tokenizer';
import { setAll } from '../support/allValues';

/** Large enough for its matrices to stay in the file. */
const config = parseEncoderConfig(
  {
    model_type: 'bert',
    vocab_size: 5000,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    intermediate_size: 256,
  },
  'test',
);
const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 3)];
const classifier = bertNetwork(config, sequenceHead, 3);

describe('a network with its weights inside', () => {
  let home: string;
  const at = (name: string) => join(home, name);

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-packed-'));
    const parameters = new Parameters(specs);
    setAll(parameters, (i) => 0.2 * Math.sin((i * i) % 100003));
    const contents = { config, labels: ['a', 'b', 'c'], copies: [], parameters };
    await writeModelFolder(at('safetensors'), contents);
    await writeModelFolder(at('torch'), { ...contents, weightsFormat: 'torch' });
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  const opened = async (name: string, mapsFiles = true): Promise<PackedNetwork> => {
    const folder = await openModelFolder(at(name));
    const session = await PackedSession.open(folder, openNetwork(classifier, specs), {
      threads: 1,
      mapsFiles,
    });
    assert.ok(session instanceof PackedSession);
    return new PackedNetwork(session, 0, 'logits');
  };
  const logitsOf = async (network: NetworkSession, examples = EXAMPLES): Promise<number[]> => {
    const runner = new ClassifierRunner(classifier, network);
    const logits = await runner.logits(examples);
    await runner.close();
    return Array.from(logits);
  };

  it('gives the logits of weights that are fed, over many lengths in one session', async () => {
    const { parameters } = await loadParameters(await openModelFolder(at('safetensors')), specs, { seed: 0 });
    const fed = await logitsOf(new FedNetwork(classifier, parameters, { padTokenId: 0, threads: 1 }));
    const packed = await logitsOf(await opened('safetensors'));
    assert.ok(new Set(packed.map((value) => value.toFixed(4))).size > 20, 'the texts differ');
    packed.forEach((value, i) => assert.ok(Math.abs(value - fed[i]) < 2e-6, `logit ${i}: ${value}, fed ${fed[i]}`));
  });

  it('gives a text the same logits alone and among others', async () => {
    const together = await logitsOf(await opened('safetensors'));
    for (const row of [0, 7, 30]) {
      const alone = await logitsOf(await opened('safetensors'), [EXAMPLES[row]]);
      alone.forEach((value, i) => assert.ok(Math.abs(value - together[row * 3 + i]) < 2e-6));
    }
  });

  it('is the same to the bit from a mapped file, a zip file of PyTorch, a link, and from memory', async () => {
    const expected = await logitsOf(await opened('safetensors'));
    await cp(at('safetensors'), at('linked'), { recursive: true });
    renameSync(at('linked/model.safetensors'), at('blob'));
    symlinkSync(at('blob'), at('linked/model.safetensors'));
    for (const name of ['torch', 'linked']) assert.deepEqual(await logitsOf(await opened(name)), expected, name);
    assert.deepEqual(await logitsOf(await opened('safetensors', false)), expected);
  });

  it('leaves matrices in the file, and everything else not', async () => {
    for (const name of ['safetensors', 'torch']) {
      const folder = await openModelFolder(at(name));
      const { weights } = await openStoredWeights(folder, specs, { inFile: (each) => each.endsWith('weight') });
      const inFile = [...weights].filter(([, { place }]) => place).map(([each]) => each);
      assert.ok(inFile.includes('bert.encoder.layer.1.attention.self.query.weight'), inFile.join());
      assert.ok(!inFile.some((each) => /LayerNorm|bias|classifier/.test(each)), inFile.join());
      for (const { place, values, shape } of weights.values()) {
        if (!place) continue;
        assert.equal(values, undefined);
        const bytes = readFileSync(join(place.folder, place.name));
        const count = shape.reduce((product, size) => product * size, 1);
        const stored = new Float32Array(
          Uint8Array.from(bytes.subarray(place.offsetBytes, place.offsetBytes + 4 * count)).buffer,
        );
        const { parameters } = await loadParameters(folder, specs, { seed: 0 });
        const [found] = [...weights].find(([, each]) => each.place === place)!;
        assert.deepEqual(stored, parameters.values(found).slice());
      }
    }
  });

  it('holds on to no file once it is open: written anew in place, the model that is open answers as before', async () => {
    const expected = await logitsOf(await opened('safetensors'));
    await cp(at('safetensors'), at('changing'), { recursive: true });
    const network = await opened('changing');
    if (process.platform === 'linux') assert.doesNotMatch(readFileSync('/proc/self/maps', 'utf8'), /changing/);
    const file = at('changing/model.safetensors');
    const { length } = readFileSync(file);
    truncateSync(file, 0);
    writeFileSync(file, Buffer.alloc(length));
    assert.deepEqual(await logitsOf(network), expected);
  });

  it('computes in float16 for a GPU, with all weights inside: near float32, and not the same', async () => {
    const expected = await logitsOf(await opened('safetensors'));
    // No GPU here has float16, and the CPU's kernels read the same graph.
    const { create } = Session;
    const inputs: string[] = [];
    Session.create = async (model, options, outside) => {
      const session = await create.call(Session, model, { ...options, device: 'cpu' }, outside);
      inputs.push(...session.inputNames);
      return session;
    };
    try {
      const folder = await openModelFolder(at('safetensors'));
      const half = { device: 'webgpu', precision: 'float16', threads: 1 } as const;
      const session = await PackedSession.open(folder, openNetwork(classifier, specs), half);
      assert.ok(session instanceof PackedSession);
      const given = await logitsOf(new PackedNetwork(session, 0, 'logits', false));
      assert.deepEqual(inputs.sort(), ['attentionMask', 'inputIds', 'tokenTypeIds']);
      assert.notDeepEqual(given, expected);
      given.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 2e-2, `logit ${i}: ${value}, ${expected[i]}`)); // prettier-ignore
    } finally {
      Session.create = create;
    }
  });

  it('is refused in int8 on a GPU and in float16 on the CPU', () => {
    assert.throws(() => refusePrecision('int8', 'webgpu'), { code: 'USAGE', message: /the device cpu/ });
    assert.throws(() => refusePrecision('float16', 'cpu'), { code: 'USAGE', message: /the device webgpu/ });
    for (const device of ['cpu', 'cuda'] as const) refusePrecision('float32', device);
  });

  it('says which weights a folder lacks, and reads none', async () => {
    const folder = await openModelFolder(at('safetensors'));
    const more = [...specs, { name: 'bert.extra.weight', shape: [4], initial: 'zeros' as const }];
    const missing = await PackedSession.open(folder, openNetwork(classifier, more));
    assert.deepEqual(missing, [more.at(-1)]);
  });
});

/** Of 1 to 40 tokens. */
const EXAMPLES: readonly EncodedExample[] = Array.from({ length: 40 }, (_, i) => {
  const length = 1 + ((i * 7) % 40);
  const inputIds = Int32Array.from({ length }, (_, j) => 1 + ((i * 131 + j * 977) % 4999));
  return { inputIds, tokenTypeIds: inputIds.map((_, j) => Number(j > length / 2)), length, truncated: false };
});
