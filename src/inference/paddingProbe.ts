/** Whether an ONNX graph's answers depend on padding, as convolutions over the sequence make them in ConvBERT and Nyströmformer. */
import { MedTextError } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import { quantisedNode } from '../models/graphClassifier';
import type { ModelFolder } from '../models/modelFolder';
import type { Model } from '../onnx/model';
import type { EncodedExample } from '../tokenization/tokenizer';
import { graphBytes, graphFeeds, graphInputs } from './graphInputs';
import { Session, type Feed, type Output } from './session';

/** Tokens of the probe, and of the same padded. */
const LENGTH = 7;
const PADDED = 12;
/** Of the outputs' largest magnitude: over rounding (1e-6; in half precision 1e-3), under what convolutions do (0.01 and more). */
const TOLERANCE = 1e-4;
const HALF_TOLERANCE = 5e-3;

export interface ProbedModel {
  readonly padTokenId: number;
  readonly vocabSize: number;
}

/**
 * Whether a row's outputs are others once padding follows it. A quantised graph scales by what else is in the batch, padding
 * too; this is no reason to score its texts one by one.
 * @param output the output to compare: [batch, …] or [batch, length, …].
 */
export async function readsPadding(
  session: Session,
  model: Model,
  output: string,
  path: string,
  { padTokenId, vocabSize }: ProbedModel,
): Promise<boolean> {
  if (quantisedNode(model)) return false;
  const inputs = graphInputs(model, path);
  // Any ids will do, each another one, none the padding's.
  const ids = Int32Array.from({ length: LENGTH }, (_, i) => Math.floor(((i + 1) * vocabSize) / (LENGTH + 2)));
  const row: EncodedExample = {
    inputIds: ids.map((id) => (id === padTokenId ? id + 1 : id)),
    tokenTypeIds: new Int32Array(LENGTH),
    length: LENGTH,
    truncated: false,
  };
  const outputsAt = async (length: number): Promise<Output> => {
    const feeds: Record<string, Feed> = graphFeeds(inputs, [row], { batchSize: 1, length }, padTokenId);
    return (await session.run(feeds))[output];
  };
  const [exact, padded] = [await outputsAt(LENGTH), await outputsAt(PADDED)];
  // Hidden states of the padding itself do not matter: the row's own come first.
  const values = Array.from(exact.data as Float32Array, Number);
  const isHalf = [...model.graph.initializers.values()].some(({ dataType }) => dataType === 'float16');
  const tolerance = isHalf ? HALF_TOLERANCE : TOLERANCE;
  const scale = Math.max(1e-3, ...values.map(Math.abs));
  return values.some((value, i) => !(Math.abs(value - Number(padded.data[i])) <= tolerance * scale));
}

/**
 * As {@link readsPadding}, of a file: its logits, or its hidden states. undefined where it cannot be run; what opens it will
 * say why.
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
    return await new FileWatch('graph', path, graphBytes(model)).during(async () => {
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
