/** Presents a checkpoint with fewer or more rows of its vocabulary, or fewer layers, as if it had been saved so. */
import { MedTextError, words } from '../base/errors';
import { elementCount } from '../onnx/dataType';
import type { CheckpointSource, CheckpointTensor } from './checkpoint/checkpointSource';
import { modelFamily, type JsonObject } from './configJson';
import type { ModelFolder } from './modelFolder';

export interface EncoderCut {
  /** Old ids of the rows that stay, in their new order. */
  readonly rows: readonly number[];
  /** Rows behind them, each the mean of the old rows of these ids; absent: none. */
  readonly added?: readonly (readonly number[])[];
  /** Old numbers of the layers that stay, in ascending order. */
  readonly layers: readonly number[];
}

/** Fields of config.json that name a token. */
const TOKEN_ID = /^(bos|eos|sep|cls|mask|pad|unk|decoder_start)_token_id$/;
const LAYER = /(^|\.)(encoder\.layer\.)(\d+)(?=\.)/;
/** Tensors with a row for every token. */
const OF_VOCABULARY = /(word_embeddings\.weight|(predictions|lm_head|generator_lm_head)\.(decoder\.)?(weight|bias))$/;

/**
 * The folder as it will be: config.json's sizes and token ids, without tokenizer files, which are the caller's to write.
 * @throws MedTextError UNSUPPORTED where positions count from the padding's id and that id would change, USAGE for
 * layers that are not there.
 */
export function cutFolder(folder: ModelFolder, { rows, layers, added = [] }: EncoderCut): ModelFolder {
  const { config } = folder;
  const absent = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= config.layerCount);
  if (absent !== undefined || layers.length === 0) {
    throw new MedTextError('USAGE', words`${folder.path} has the layers 0 to ${config.layerCount - 1}; layer ${absent ?? '?'} cannot be kept.`, { layer: absent }); // prettier-ignore
  }
  const newId = new Map(rows.map((id, row) => [id, row]));
  const padTokenId = newId.get(config.padTokenId);
  const countsFromPadding = modelFamily(config.modelType) === 'roberta';
  if (padTokenId === undefined || (countsFromPadding && padTokenId !== config.padTokenId)) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${folder.path}: the padding token ${config.padTokenId} must keep its place in the vocabulary; keep the tokens before it.`,
      { padTokenId: config.padTokenId },
    );
  }
  const renumbered = (name: string, value: unknown) => TOKEN_ID.test(name) && typeof value === 'number' ? newId.get(value) ?? null : value; // prettier-ignore
  const rawConfig = Object.fromEntries(Object.entries(folder.rawConfig).map(([name, value]) => [name, renumbered(name, value)])); // prettier-ignore
  return {
    ...folder,
    config: { ...config, vocabSize: rows.length + added.length, layerCount: layers.length, padTokenId },
    rawConfig: rawConfig as JsonObject,
    tokenizerFiles: [],
  };
}

/** The weights of {@link cutFolder}; `vocabSize` is the old one. Values are the old ones, bit for bit, but for rows that were added. */
export function cutWeights(source: CheckpointSource, cut: EncoderCut, vocabSize: number): CheckpointSource {
  const tensors = new Map<string, CheckpointTensor>();
  const newLayer = new Map(cut.layers.map((old, layer) => [String(old), layer]));
  for (const [name, tensor] of source.tensors) {
    const layer = LAYER.exec(name)?.[3];
    if (layer !== undefined && !newLayer.has(layer)) continue;
    const newName = name.replace(LAYER, (_, before: string, path: string, old: string) => `${before}${path}${newLayer.get(old)}`); // prettier-ignore
    const isOfVocabulary = OF_VOCABULARY.test(name) && tensor.shape[0] === vocabSize;
    tensors.set(newName, { ...(isOfVocabulary ? withRows(tensor, cut) : tensor), name: newName });
  }
  return { ...source, tensors, close: () => source.close() };
}

function withRows(tensor: CheckpointTensor, { rows, added = [] }: EncoderCut): CheckpointTensor {
  const shape = [rows.length + added.length, ...tensor.shape.slice(1)];
  const width = elementCount(tensor.shape.slice(1));
  return {
    ...tensor,
    shape,
    async read(into) {
      const all = new Float32Array(elementCount(tensor.shape));
      await tensor.read(all);
      rows.forEach((old, row) => into.set(all.subarray(old * width, (old + 1) * width), row * width));
      added.forEach((pieces, i) => {
        const row = into.subarray((rows.length + i) * width, (rows.length + i + 1) * width).fill(0);
        for (const id of pieces) for (let at = 0; at < width; at++) row[at] += all[id * width + at] / pieces.length;
      });
    },
  };
}
