/**
 * Whether the outputs of an ONNX graph depend on padding. Convolutions over the sequence cause this in ConvBERT and
 * Nyströmformer.
 */
import { MedTextError } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import { quantisedNode } from '../models/graphClassifier';
import type { ModelFolder } from '../models/modelFolder';
import { weightBytes, type LaterTensor, type Model, type Tensor } from '../onnx/model';
import type { EncodedExample } from '../tokenization/tokenizer';
import { graphFeeds, graphInputs } from './graphInputs';
import { inFloat32 } from './graphOutputs';
import { Session, type Feed } from './session';

/** The number of tokens of the probe, and its length with padding. */
const LENGTH = 7;
const PADDED = 12;
/**
 * Limits of the difference, relative to the outputs' largest magnitude. They lie above rounding (1e-6; 1e-3 in half
 * precision) and below the effect of convolutions (0.01 and more).
 */
const TOLERANCE = 1e-4;
const HALF_TOLERANCE = 5e-3;

export interface ProbedModel {
  readonly padTokenId: number;
  readonly vocabSize: number;
}

/**
 * Whether padding after a row changes the row's outputs. Quantised graphs are passed over: they scale by the whole
 * batch, padding included, but this is no reason to score texts one by one.
 * @param output the output to compare: [batch, …] or [batch, length, …].
 */
export async function readsPadding(
  session: Session,
  model: Model<Tensor | LaterTensor>,
  output: string,
  path: string,
  { padTokenId, vocabSize }: ProbedModel,
): Promise<boolean> {
  if (quantisedNode(model)) return false;
  const inputs = graphInputs(model, path);
  // Any ids will do if they differ from each other and from the padding's id.
  const ids = Int32Array.from({ length: LENGTH }, (_, i) => Math.floor(((i + 1) * vocabSize) / (LENGTH + 2)));
  const row: EncodedExample = {
    inputIds: ids.map((id) => (id === padTokenId ? id + 1 : id)),
    tokenTypeIds: new Int32Array(LENGTH),
    length: LENGTH,
    truncated: false,
  };
  const dataType = model.graph.outputs.find(({ name }) => name === output)!.dataType;
  const outputsAt = async (length: number): Promise<Float32Array> => {
    const feeds: Record<string, Feed> = graphFeeds(inputs, [row], { batchSize: 1, length }, padTokenId);
    return inFloat32((await session.run(feeds))[output].data, dataType);
  };
  const [exact, padded] = [await outputsAt(LENGTH), await outputsAt(PADDED)];
  // Only the row's own hidden states count. They come before those of the padding.
  const isHalf = [...model.graph.initializers.values()].some(({ dataType }) => dataType === 'float16');
  const tolerance = isHalf ? HALF_TOLERANCE : TOLERANCE;
  const scale = Math.max(1e-3, ...exact.map(Math.abs));
  return exact.some((value, i) => !(Math.abs(value - padded[i]) <= tolerance * scale));
}

/**
 * {@link readsPadding} for the logits of a file, or its hidden states. Undefined where the graph does not run; opening
 * the model gives the reason.
 */
export async function graphReadsPadding(
  model: Model,
  path: string,
  { config }: ModelFolder,
): Promise<boolean | undefined> {
  if (quantisedNode(model)) return false;
  const names = model.graph.outputs.map(({ name }) => name);
  const output = ['logits', 'last_hidden_state', 'token_embeddings'].find((name) => names.includes(name)) ?? names[0];
  try {
    return await new FileWatch('graph', path, weightBytes(model)).during(async () => {
      const session = await Session.create(path);
      try {
        return await readsPadding(session, model, output, path, config);
      } finally {
        await session.release();
      }
    });
  } catch (error) {
    if (error instanceof MedTextError) return undefined;
    throw error;
  }
}
