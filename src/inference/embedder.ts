/**
 * Turns texts into vectors as sentence-transformers does: encoder, pooling, and scaling to length 1 where the folder
 * says so.
 */
import { buildBert } from '../models/bert';
import type { EncoderConfig } from '../models/encoderConfig';
import { openModelFolder, readTokenizerFiles } from '../models/modelFolder';
import { encoderParameterSpecs } from '../models/parameterNames';
import { overTokens } from '../models/pooling';
import { defaultPrompt, sentenceLayout, type SentenceLayout } from '../models/sentenceTransformers';
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { loadTokenizer } from '../tokenization/tokenizer';
import { eachInBatches, gathered, type NetworkSession, type RunOptions } from './classifierRunner';
import type { ModelOptions } from './openedModel';
import { executionDevice } from './device';
import { PackedNetwork } from './packedNetwork';
import { lacksWeights, PackedSession, refusePrecision, type OpenNetwork } from './packedSession';

export interface Embedder {
  /** The number of elements of a vector. */
  readonly dimensions: number;
  /** The absolute path of the model folder. */
  readonly folder: string;
  readonly device: string;
  readonly layout: SentenceLayout;
  /**
   * The vectors of the texts: [texts, dimensions], row after row. @throws MedTextError CANCELLED, RUNTIME,
   * OUT_OF_MEMORY.
   */
  embed(texts: readonly string[], options?: RunOptions): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Embeds short texts in larger batches: 64 rows of 16 tokens take an eighth less time than two batches of 32. */
const MAX_ROWS = 64;
/** A lower bound of the sum of squares, too small to change a real vector. A vector of zeros stays zero. */
const MIN_SQUARES = 1e-24;

/**
 * Opens a folder of sentence-transformers, or any encoder. The vector of a plain encoder is the mean of its tokens.
 * @throws MedTextError the errors of opening a model folder; UNSUPPORTED for other modules or poolings.
 */
export async function openEmbedder(path: string, options: ModelOptions = {}): Promise<Embedder> {
  const device = executionDevice(options.device);
  refusePrecision(options.precision, device);
  const folder = await openModelFolder(path);
  const { config } = folder;
  const layout = await sentenceLayout(folder.path);
  const prompt = defaultPrompt(layout, folder.path);
  const { lowerCase } = layout;
  const tokenizer = loadTokenizer({ ...(await readTokenizerFiles(folder)), lowerCase }, folder.path);
  const maxLength = Math.min(layout.maxLength ?? Infinity, config.maxPositions);
  // The vectors do not use the pooler, so a checkpoint may lack it.
  const specs = encoderParameterSpecs(config).filter(({ name }) => !name.startsWith('bert.pooler.'));
  const session = await PackedSession.open(
    folder,
    { specs, build: embedderOf(config, layout) },
    {
      device,
      threads: options.threads || undefined,
      precision: options.precision,
      signal: options.signal,
    },
  );
  if (!(session instanceof PackedSession)) throw lacksWeights(folder, session);
  const network = new PackedNetwork(session, config.padTokenId, 'embeddings', device === 'cpu');
  return {
    dimensions: config.hiddenSize,
    folder: folder.path,
    device,
    layout,
    async embed(texts, runOptions = {}) {
      const encoded = await tokenizer.encodeAll(texts.map((text) => ({ a: prompt + text })), maxLength, undefined, runOptions.signal); // prettier-ignore
      const run: NetworkSession['run'] = (batches, shape) => network.run(batches, shape);
      const output = { axes: ['rows', config.hiddenSize] } as const;
      const layout = {
        output,
        maxPositions: config.maxPositions,
        maxRows: MAX_ROWS,
        anyShape: network.takesAnyShape,
        run,
      };
      return gathered(encoded.length, config.hiddenSize, (each) => eachInBatches(encoded, layout, each, runOptions));
    },
    close: () => network.close(),
  };
}

/** The graph from an encoder's inputs to `embeddings` [batch, hidden]. */
function embedderOf(config: EncoderConfig, { pooling, normalize }: SentenceLayout): OpenNetwork['build'] {
  return (g, inputs, parameter) => {
    const rows = pooling === 'cls' ? 'first' : 'all';
    const states = buildBert(g, config, inputs, { parameter, rows });
    const pooled = pooling === 'cls' ? states : g.scope('pooling', () => overTokens(g, states, inputs.attentionMask, pooling)); // prettier-ignore
    g.output(normalize ? g.scope('normalize', () => unitLength(g, pooled)) : pooled, 'embeddings');
  };
}

function unitLength(g: Operators, x: Value): Value {
  return g.div(x, g.sqrt(g.add(g.reduceSumSquare(x, [1], true), MIN_SQUARES)));
}
