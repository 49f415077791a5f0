/**
 * Scores pairs of texts with an encoder that has no head, by the cosine of its vectors as sentence-transformers
 * computes it.
 */
import { MedTextError, words } from '../base/errors';
import { LruCache } from '../base/lruCache';
import { placeOf, readSimilarityReference } from '../models/similarityReference';
import { openEmbedder } from './embedder';
import type { RunOptions } from './classifierRunner';
import type { PairScore } from '../protocol/scores';
import type { ScoredPair } from './labelScores';
import type { ModelOptions } from './openedModel';

/** The largest size of the kept vectors. Vectors are kept in memory and never written to disk. */
const MAX_VECTOR_BYTES = 2 ** 26;

export interface VectorScorer {
  /** Empty: an encoder has no labels. */
  readonly labels: readonly string[];
  readonly device: string;
  readonly task: 'encoder';
  readonly second: 'required';
  /**
   * The cosines in the given order. @throws MedTextError UNSUPPORTED for a single text, CANCELLED, RUNTIME,
   * OUT_OF_MEMORY.
   */
  score(
    pairs: readonly ScoredPair[],
    signal?: AbortSignal,
    onProgress?: RunOptions['onProgress'],
  ): Promise<readonly PairScore[]>;
  close(): Promise<void>;
}

/**
 * Opens the encoder. Each text's vector is computed once and kept by the hash of the text, up to 64 MiB of vectors.
 * @throws MedTextError the errors of {@link openEmbedder}; MODEL_CONFIG for a broken reference distribution.
 */
export async function openVectorScorer(path: string, options: ModelOptions = {}): Promise<VectorScorer> {
  const embedder = await openEmbedder(path, options);
  const { dimensions } = embedder;
  const vectors = new LruCache<Float32Array>(Math.max(1, Math.floor(MAX_VECTOR_BYTES / (4 * dimensions))));
  let last: Promise<unknown> = Promise.resolve();
  const reference = await readSimilarityReference(embedder.folder);

  const score: VectorScorer['score'] = async (pairs, signal, onProgress) => {
    const single = pairs.find(({ second }) => second === undefined);
    if (single) {
      throw new MedTextError('UNSUPPORTED', words`${path} is an encoder without a head: it compares two texts and gives no label for a single text.`, { folder: path, task: 'encoder' }); // prettier-ignore
    }
    const texts = [...new Set(pairs.flatMap(({ first, second }) => [first, second!]))];
    const keys = new Map<string, string>();
    for (const text of texts) keys.set(text, await contentHash(text));
    const known = new Map<string, Float32Array>();
    for (const text of texts) {
      const vector = vectors.get(keys.get(text)!);
      if (vector) known.set(text, vector);
    }
    const missing = texts.filter((text) => !known.has(text));
    const values = await embedder.embed(missing, { signal, onProgress });
    missing.forEach((text, i) => {
      const vector = values.slice(i * dimensions, (i + 1) * dimensions);
      known.set(text, vector);
      vectors.set(keys.get(text)!, vector);
    });
    return pairs.map(({ first, second }): PairScore => {
      const similarity = cosine(known.get(first)!, known.get(second!)!);
      const place = reference && { place: placeOf(similarity, reference) };
      return { similarity, measure: 'cosine', probabilities: {}, logits: [], ...place };
    });
  };
  return {
    labels: [],
    device: embedder.device,
    task: 'encoder',
    second: 'required',
    // Calls overlap: batches of several calls take turns, short requests first.
    score(...parameters) {
      const result = score(...parameters);
      last = Promise.all([last, result.catch(() => undefined)]);
      return result;
    },
    async close() {
      await last;
      vectors.clear();
      await embedder.close();
    },
  };
}

/** The cosine of the angle between two vectors. It is 0 where one of them is zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new MedTextError('INTERNAL', 'Vectors of different lengths.');
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i];
    squaresA += a[i] * a[i];
    squaresB += b[i] * b[i];
  }
  const lengths = Math.sqrt(squaresA * squaresB);
  return lengths === 0 ? 0 : product / lengths;
}

async function contentHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('base64');
}
