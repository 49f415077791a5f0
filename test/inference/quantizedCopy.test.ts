import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ClassifierRunner } from '../../src/inference/classifierRunner';
import { openNetwork, PackedNetwork } from '../../src/inference/packedNetwork';
import { PackedSession } from '../../src/inference/packedSession';
import { parseEncoderConfig } from '../../src/models/configJson';
import { bertNetwork, networkParameterSpecs } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { openModelFolder } from '../../src/models/modelFolder';
import { Parameters } from '../../src/models/parameters';
import { writeModelFolder } from '../../src/models/writeModelFolder';
import { setAll } from '../support/allValues';

const LABELS = ['a', 'b', 'c'];

describe('the kept copy of a model in int8', () => {
  const kept = { cache: process.env.XDG_CACHE_HOME, windows: process.env.LOCALAPPDATA };
  let home: string;

  before(function () {
    // There the cache has one place, the person's own.
    if (process.platform === 'darwin') this.skip();
    home = mkdtempSync(join(tmpdir(), 'medtext-int8-'));
  });
  beforeEach(() => cacheIn(mkdtempSync(join(home, 'cache-'))));
  after(() => {
    process.env.XDG_CACHE_HOME = kept.cache;
    process.env.LOCALAPPDATA = kept.windows;
    if (home) rmSync(home, { recursive: true, force: true });
  });

  const cacheIn = (folder: string) => void (process.env.XDG_CACHE_HOME = process.env.LOCALAPPDATA = folder);
  const copies = (): string[] => {
    const folder = join(process.env.XDG_CACHE_HOME!, 'medtext-lab', 'quantized');
    return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  };

  /** Writes a model, and gives what opens it. */
  const modelOf = async (name: string, vocabSize: number, width: number, layers: number) => {
    const sizes = { vocab_size: vocabSize, hidden_size: width, num_hidden_layers: layers, num_attention_heads: 4, intermediate_size: 4 * width }; // prettier-ignore
    const config = parseEncoderConfig({ model_type: 'bert', ...sizes }, 'test');
    const specs = networkParameterSpecs(config, sequenceHead, LABELS.length);
    const network = bertNetwork(config, sequenceHead, LABELS.length);
    const parameters = new Parameters(specs);
    setAll(parameters, (i) => 0.2 * Math.sin((i * i) % 100003));
    const path = join(home, name);
    await writeModelFolder(path, { config, labels: LABELS, copies: [], parameters });
    const logits = async (signal?: AbortSignal): Promise<number[]> => {
      const open = openNetwork(network, specs);
      const session = await PackedSession.open(await openModelFolder(path), open, { threads: 1, precision: 'int8', signal }); // prettier-ignore
      assert.ok(session instanceof PackedSession);
      const runner = new ClassifierRunner(network, new PackedNetwork(session, 0, 'logits'));
      const inputIds = Int32Array.of(5, 1900, 77, 3);
      const given = await runner.logits([{ inputIds, tokenTypeIds: new Int32Array(4), length: 4, truncated: false }]);
      await runner.close();
      return [...given];
    };
    return { path, logits, weightBytes: 4 * parameters.elementCount };
  };

  it('is made once; where it cannot be kept, the model answers the same', async () => {
    const { logits } = await modelOf('small', 2000, 64, 2);
    const made = await logits();
    const [file, ...more] = copies();
    assert.deepEqual(more, []);
    utimesSync(file, new Date(0), new Date(0));
    assert.deepEqual(await logits(), made);
    assert.deepEqual(copies(), [file]);
    assert.ok(statSync(file).mtimeMs > 0, 'a copy that is used is young');

    // No folder can be made below a file.
    cacheIn(file);
    assert.deepEqual(await logits(), made);
  });

  it('is not there after an opening that was cancelled halfway, nor is a part of it', async () => {
    const { logits } = await modelOf('cancelled', 2000, 64, 2);
    let asked = 0;
    // Asked while the model is hashed, and before each of its 40 weights.
    const signal = { get aborted() { return ++asked > 25; } } as AbortSignal; // prettier-ignore
    await assert.rejects(logits(signal), { code: 'CANCELLED' });
    assert.equal(asked, 26);
    assert.deepEqual(copies(), []);
  });

  it('takes the place of what killed processes left unfinished, and leaves alone what is being written', async () => {
    const first = await modelOf('left', 2000, 64, 2);
    await first.logits();
    const folder = dirname(copies()[0]);
    const [old, young] = ['1', '2'].map((digit) => join(folder, `.x.onnx.${digit.repeat(12)}.tmp`));
    for (const path of [old, young]) writeFileSync(path, 'unfinished');
    utimesSync(old, new Date(0), new Date(0));
    await (await modelOf('left-2', 2000, 32, 2)).logits();
    assert.deepEqual([existsSync(old), existsSync(young), copies().length], [false, true, 3]);
  });

  it('takes hardly more memory to make than to open, however large the model is', async function () {
    if (process.platform !== 'linux') this.skip();
    const { path, weightBytes } = await modelOf('large', 4000, 512, 8);
    const child = ['--require', 'tsx/cjs', join(__dirname, 'support', 'int8PeakChild.ts'), path];
    const risenBytes = (): number => {
      const { risenBytes: risen, isOpen } = JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' }));
      assert.ok(isOpen && copies().length === 1);
      return risen;
    };
    const [making, opening] = [risenBytes(), risenBytes()];
    // The int8 form takes a quarter of the weights, and may be garbage once. Held as a whole, weights and file took 1.1.
    assert.ok(making < opening + 0.7 * weightBytes, `${making} bytes to make and open, ${opening} to open; weights ${weightBytes}`); // prettier-ignore
  });
});
