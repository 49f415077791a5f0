/** Texts to vectors, as sentence-transformers computes them: encoder, pooling, and scaling to length 1 where it says so. */
import { MedTextError, words } from '../base/errors';
import { buildBert } from '../models/bert';
import { declareInputs } from '../models/encoder';
import type { EncoderConfig } from '../models/encoderConfig';
import { loadParameters, openModelFolder, readTokenizerFiles } from '../models/modelFolder';
import { encoderParameterSpecs } from '../models/parameterNames';
import { overTokens } from '../models/pooling';
import { defaultPrompt, sentenceLayout, type SentenceLayout } from '../models/sentenceTransformers';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import { loadTokenizer, type EncodedExample } from '../tokenization/tokenizer';
import { inBatches, parameterFeeds, type RunOptions } from './classifierRunner';
import type { ClassifierOptions } from './openClassifier';
import { executionDevice } from './device';
import { Session, type Feed } from './session';

export interface Embedder {
  /** Elements of a vector. */
  readonly dimensions: number;
  /** Of the model, absolute. */
  readonly folder: string;
  readonly device: string;
  readonly layout: SentenceLayout;
  /** [texts, dimensions], row after row. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
  embed(texts: readonly string[], options?: RunOptions): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Files of short texts are embedded at once: 64 rows of 16 tokens take an eighth less time than twice 32. */
const MAX_ROWS = 64;
/** Too small to change the sum of squares of a real vector: a vector of zeros stays one. */
const MIN_SQUARES = 1e-24;

/**
 * Opens a folder of sentence-transformers, or any encoder (the mean of its tokens then).
 * @throws MedTextError what opening a model folder throws; UNSUPPORTED for other modules or poolings.
 */
export async function openEmbedder(path: string, options: ClassifierOptions = {}): Promise<Embedder> {
  const device = executionDevice(options.device);
  const folder = await openModelFolder(path);
  const { config } = folder;
  const layout = await sentenceLayout(folder.path);
  const prompt = defaultPrompt(layout, folder.path);
  const { lowerCase } = layout;
  const tokenizer = loadTokenizer({ ...(await readTokenizerFiles(folder)), lowerCase }, folder.path);
  const maxLength = Math.min(layout.maxLength ?? Infinity, config.maxPositions);
  // The pooler has no part in the vectors, so a checkpoint may well lack it.
  const specs = encoderParameterSpecs(config).filter(({ name }) => !name.startsWith('bert.pooler.'));
  const { parameters, report } = await loadParameters(folder, specs, { seed: 0, signal: options.signal });
  if (report.missing.length > 0) {
    throw new MedTextError(
      'CHECKPOINT_MISMATCH',
      words`${folder.path} lacks ${report.missing.map(({ name }) => name).join(', ')}; without trained weights its vectors would mean nothing.`,
      { missing: report.missing.map(({ name }) => name) },
    );
  }
  const feeds = parameterFeeds(parameters);
  const sessions = new Map<string, Session>();
  const sessionFor = async ({ batchSize, length }: BatchShape) => {
    const key = `${batchSize}x${length}`;
    const session =
      sessions.get(key) ??
      (await Session.create(buildEmbedder(config, layout, feeds, batchSize, length), {
        device,
        threads: options.threads || undefined,
      }));
    sessions.set(key, session);
    return session;
  };
  const run = async ([examples]: readonly (readonly EncodedExample[])[], shape: BatchShape) => {
    const batch = padBatch(examples, shape, config.padTokenId, 'int32');
    const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [shape.batchSize, shape.length], data });
    const outputs = await (
      await sessionFor(shape)
    ).run({
      ...feeds,
      inputIds: ids(batch.inputIds),
      tokenTypeIds: ids(batch.tokenTypeIds),
      attentionMask: ids(batch.attentionMask),
    });
    return outputs.embeddings.data as Float32Array;
  };
  return {
    dimensions: config.hiddenSize,
    folder: folder.path,
    device,
    layout,
    async embed(texts, runOptions = {}) {
      const encoded = await tokenizer.encodeAll(texts.map((text) => ({ a: prompt + text })), maxLength, undefined, runOptions.signal); // prettier-ignore
      return inBatches(
        encoded,
        { columns: config.hiddenSize, maxPositions: config.maxPositions, maxRows: MAX_ROWS, run },
        runOptions,
      );
    },
    async close() {
      for (const session of sessions.values()) await session.release();
      sessions.clear();
    },
  };
}

/** Ids and parameters in, `embeddings` [batch, hidden] out. */
function buildEmbedder(
  config: EncoderConfig,
  { pooling, normalize }: SentenceLayout,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
  batch: number,
  length: number,
): Model {
  const g = new Operators();
  const inputs = declareInputs(g, batch, length);
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? g.input(name, 'float32', shapes[name].shape);
    parameters.set(name, value);
    return value;
  };
  const rows = pooling === 'cls' ? 'first' : 'all';
  const states = buildBert(g, config, inputs, { parameter, rows });
  const pooled = g.scope(
    'pooling',
    () =>
    pooling === 'cls' ? states : overTokens(g, states, inputs.attentionMask, pooling), // prettier-ignore
  );
  g.output(normalize ? g.scope('normalize', () => unitLength(g, pooled)) : pooled, 'embeddings');
  return g.build('embedder');
}

function unitLength(g: Operators, x: Value): Value {
  return g.div(x, g.sqrt(g.add(g.reduceSumSquare(x, [1], true), MIN_SQUARES)));
}
