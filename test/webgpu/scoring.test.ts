/** Inference on a GPU with weights inside the graph, against the CPU's. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { RandomStream } from '../../src/base/random';
import { checkPrecision } from '../../src/exports/precisionCheck';
import { openEmbedder } from '../../src/inference/embedder';
import { openClassifier } from '../../src/inference/openClassifier';
import type { ScoringPrecision } from '../../src/inference/packedSession';
import { VOCABULARY, writeTinyModel } from '../cli/support/tinyModel';

const DEVICE = process.env.MEDTEXT_TEST_DEVICE ?? 'webgpu';
const CHARACTERS = VOCABULARY.slice(5);

const random = new RandomStream(5);
const text = (length: number) => Array.from({ length }, () => CHARACTERS[random.integer(CHARACTERS.length)]).join('');
/** Of 3 to 29 tokens, in several batches. */
const PAIRS = Array.from({ length: 40 }, (_, i) => ({ first: text(1 + (i % 14)), second: text((3 * i) % 13) }));

describe(`scoring on ${DEVICE}`, () => {
  let home: string;
  let classifier: string;
  let encoder: string;
  let cache: string | undefined;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-scoring-'));
    cache = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = join(home, 'cache');
    classifier = await writeTinyModel(join(home, 'classifier'), { labels: ['0', '1', '2'], layers: 2 });
    encoder = await writeTinyModel(join(home, 'encoder'), { layers: 2 });
  });
  after(() => {
    if (cache === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cache;
    rmSync(home, { recursive: true, force: true });
  });

  async function logits(device: string, precision?: ScoringPrecision): Promise<Float32Array> {
    const opened = await openClassifier(classifier, { device, precision });
    try {
      // Two calls: the session serves every shape.
      await opened.logits(PAIRS.slice(0, 1));
      return await opened.logits(PAIRS);
    } finally {
      await opened.close();
    }
  }

  async function vectors(device: string, precision?: ScoringPrecision): Promise<Float32Array> {
    const embedder = await openEmbedder(encoder, { device, precision });
    try {
      return await embedder.embed(PAIRS.map(({ first }) => first));
    } finally {
      await embedder.close();
    }
  }

  for (const [name, compute] of Object.entries({ logits, vectors })) {
    it(`gives the CPU's ${name}`, async () => {
      const [expected, given] = [await compute('cpu'), await compute(DEVICE)];
      assertNear(given, expected, 1e-4);
    });

    it(`gives ${name} in float16 near them, or says that the device has none`, async () => {
      const expected = await compute('cpu');
      const given = await halfOrRefusal(() => compute(DEVICE, 'float16'));
      if (given) assertNear(given, expected, 3e-2);
    });
  }

  it('measures what float16 changes, once for a model and a device, or says that the device has none', async () => {
    const check = await halfOrRefusal(() => checkPrecision(classifier, 'float16', { device: DEVICE }));
    if (!check) return;
    assert.deepEqual([check.precision, check.harms], ['float16', false]);
    assert.deepEqual(await checkPrecision(classifier, 'float16', { device: DEVICE }), check);
  });
});

function assertNear(given: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.equal(given.length, expected.length);
  assert.ok(new Set(expected.map((value) => Math.round(1000 * value))).size > 20, 'the texts differ');
  given.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < tolerance, `${i}: ${value}, the CPU ${expected[i]}`)); // prettier-ignore
}

async function halfOrRefusal<T>(compute: () => Promise<T>): Promise<T | undefined> {
  try {
    return await compute();
  } catch (error) {
    assert.equal((error as MedTextError).code, 'UNSUPPORTED');
    assert.match((error as MedTextError).message, /float16.*precision float32/);
    return undefined;
  }
}
