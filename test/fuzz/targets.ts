/** What faces strangers' files, each with right inputs to damage and the codes that it may refuse them with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import type { ErrorCode } from '../../src/base/errors';
import type { RandomStream } from '../../src/base/random';
import { chooseFiles } from '../../src/hub/chooseFiles';
import type { Hub } from '../../src/hub/hub';
import { parseHubReference, type RepositoryReference } from '../../src/hub/hubReference';
import { HuggingFaceHub } from '../../src/hub/huggingFace';
import { ModelScopeHub } from '../../src/hub/modelScope';
import { placeBelow, refuseUnsafeNames } from '../../src/hub/safeName';
import type { Transport } from '../../src/hub/transport';
import { ByteCursor } from '../../src/models/checkpoint/byteCursor';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { unpickleTorch } from '../../src/models/checkpoint/torchPickle';
import { elementCount } from '../../src/onnx/dataType';
import { openModelFolder } from '../../src/models/modelFolder';
import { readModel } from '../../src/onnx/readModel';
import { resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import { dataTargets } from './dataTargets';
import { mutatedBytes, mutatedJson, oneByte } from './mutations';

export interface Target {
  readonly name: string;
  readonly codes: readonly ErrorCode[];
  /** Right inputs, by name. */
  readonly seeds: Readonly<Record<string, Buffer>>;
  /** Most damage changes a value and breaks nothing. */
  readonly isMild?: boolean;
  mutate(seed: Buffer, random: RandomStream): Buffer;
  /** Reads the input as the program does; `folder` is empty and for it alone. */
  attempt(input: Buffer, folder: string): unknown;
}

const FIXTURES = join(__dirname, '../fixtures');
const checkpoint = (...names: string[]) => seeds('checkpoints', names);

function seeds(topic: string, names: readonly string[]): Record<string, Buffer> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(FIXTURES, topic, name))]));
}

const WEIGHTS: readonly ErrorCode[] = ['CHECKPOINT_FORMAT', 'CHECKPOINT_UNSAFE', 'UNSUPPORTED', 'IO', 'ONNX_FORMAT', 'NOT_FOUND']; // prettier-ignore

/** A weights file, opened by its content and read tensor by tensor. */
const weightsFile = (name: string, extension: string, files: readonly string[]): Target => ({
  name,
  codes: WEIGHTS,
  seeds: checkpoint(...files),
  mutate: mutatedBytes,
  async attempt(input, folder) {
    const path = join(folder, `input${extension}`);
    writeFileSync(path, input);
    const source = await openCheckpoint(path);
    try {
      for (const tensor of source.tensors.values()) {
        // A caller allocates what its own configuration says, never what a file says.
        if (elementCount(tensor.shape) < 2 ** 20) await tensor.read(new Float32Array(elementCount(tensor.shape)));
      }
    } finally {
      await source.close();
    }
  },
});

/** Pickles alone, with the opcodes of both families: `(`, GLOBAL, REDUCE, BUILD, memo and so on. */
const pickles: Record<string, Buffer> = {
  lists: Buffer.from('(N\x88\x89I5\nL-7L\nK\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\x01\x80G\x3f\xf8\x00\x00\x00\x00\x00\x00l.', 'latin1'), // prettier-ignore
  memo: Buffer.from(']\x94q\x05K\x01ah\x050(K\x01K\x02e}X\x01\x00\x00\x00aK\x01s\x86.', 'latin1'),
  ordered: Buffer.from('ccollections\nOrderedDict\nq\x00)Rq\x01}X\x01\x00\x00\x00mNsb.', 'latin1'),
  tensor: Buffer.from('ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtR.', 'latin1'), // prettier-ignore
};

const REFERENCE = parseHubReference('hf:org/name') as RepositoryReference;
const OID = 'a'.repeat(40);
const SHA256 = 'b'.repeat(64);
const tree = [
  { type: 'file', path: 'config.json', size: 600, oid: OID },
  { type: 'directory', path: 'onnx', size: 0, oid: OID },
  { type: 'file', path: 'onnx/model.onnx', size: 134, oid: OID, lfs: { oid: SHA256, size: 400_000, pointerSize: 134 } },
  { type: 'file', path: 'model.safetensors', size: 134, oid: OID, lfs: { oid: SHA256, size: 400_000 } },
  { type: 'file', path: 'vocab.txt', size: 109_540, oid: OID },
];
const modelScopeFiles = ['config.json', 'pytorch_model.bin', 'vocab.txt', 'configuration.json'].map((path, i) => ({ Path: path, Name: path, Type: i === 9 ? 'tree' : 'blob', Size: 100 + i, Sha256: SHA256, Revision: OID, CommittedDate: 1 })); // prettier-ignore

/** Listings of a hub: its answers in the order in which they are asked for; none are left: the last one again. */
const listings = (
  name: string,
  makeHub: (transport: Transport) => Hub,
  answers: readonly unknown[],
  kind: 'model' | 'dataset',
): Target => ({
  // prettier-ignore
  name,
  codes: ['NETWORK', 'NOT_FOUND', 'ACCESS', 'UNSAFE_NAME'],
  seeds: { answers: Buffer.from(JSON.stringify(answers)) },
  mutate: (seed, random) => Buffer.from(JSON.stringify(mutatedJson(JSON.parse(seed.toString('utf8')), random) ?? null)),
  async attempt(input, folder) {
    const parsed: unknown = JSON.parse(input.toString('utf8'));
    const bodies = Array.isArray(parsed) ? (parsed as unknown[]) : [parsed];
    let asked = 0;
    const getJson: Transport['getJson'] = async () => {
      if (asked > 2000) throw new Error('asked 2,000 times');
      const json = bodies[Math.min(asked++, bodies.length - 1)] ?? null;
      return {
        json,
        headers: asked < bodies.length ? { link: `<https://hub.test/next?page=${asked}>; rel="next"` } : {},
      };
    };
    const { files } = await makeHub({ getJson } as Transport).list({ ...REFERENCE, kind });
    const chosen = kind === 'model' ? chooseFiles(files, kind) : { files };
    const paths = chosen.files.map(({ path }) => path);
    refuseUnsafeNames(paths, REFERENCE.repository);
    for (const path of paths) {
      const inside = relative(folder, await placeBelow(folder, path));
      if (inside.startsWith('..') || isAbsolute(inside)) throw new Error(`${path} leaves the folder`);
    }
  },
});

/** A JSON document of a model or a person. */
const jsonFile = (
  name: string,
  codes: readonly ErrorCode[],
  seed: unknown,
  attempt: (json: unknown, folder: string) => unknown,
): Target => ({
  name,
  codes,
  isMild: true,
  seeds: { document: Buffer.from(JSON.stringify(seed)) },
  mutate: (bytes, random) =>
    Buffer.from(JSON.stringify(mutatedJson(JSON.parse(bytes.toString('utf8')), random) ?? null)),
  attempt: (input, folder) => attempt(JSON.parse(input.toString('utf8')), folder),
});

const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '糖', '尿', '病', 'a', '##b'];
const tokenizerJson = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: vocabulary
    .slice(0, 5)
    .map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
      { Sequence: { id: 'B', type_id: 1 } },
      { SpecialToken: { id: '[SEP]', type_id: 1 } },
    ],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
  },
};
const recipe = {
  task: 'sentence-similarity',
  model: 'm',
  dataset: {
    train: {
      file: 'a.json',
      first_sequence: 'a',
      second_sequence: 1,
      label: 'y',
      labels: ['0', '1'],
      label_mapping: { NA: null },
      label_details: { 0: { score: 0.5 } },
    },
    validation: { file: 'b.json' },
  },
  train: {
    max_epochs: 3,
    batch_size: 16,
    optimizer: { lr: 3e-5, betas: [0.9, 0.999] },
    lr_scheduler: { type: 'linear', warmup: 0.1 },
  },
};

/** The same input, damaged in one byte. */
const inOneByte = (target: Target): Target => ({
  ...target,
  name: `${target.name}-one-byte`,
  isMild: true,
  mutate: oneByte,
});

const BINARY: readonly Target[] = [
  { name: 'pickle', codes: WEIGHTS, seeds: pickles, mutate: mutatedBytes, attempt: (input) => unpickleTorch(ByteCursor.over(input, 'input'), 'input') }, // prettier-ignore
  weightsFile('torch-zip', '.bin', ['views.bin', 'nested.bin', 'deflated.bin', 'half.bin']),
  weightsFile('torch-legacy', '.bin', ['views-legacy.bin', 'legacy.bin', 'bfloat16-legacy.bin']),
  weightsFile('safetensors', '.safetensors', ['model.safetensors']),
  weightsFile('onnx-weights', '.onnx', ['traced.onnx']),
  {
    name: 'onnx',
    codes: ['ONNX_FORMAT', 'UNSUPPORTED', 'NOT_FOUND'],
    seeds: seeds('onnx', ['dynamo.onnx', 'optimum.onnx', 'opset11.onnx', 'torchscript.onnx']),
    mutate: mutatedBytes,
    attempt: (input) => readModel(input, { readExternal: (_, __, length) => new Uint8Array(Math.min(length, 64)) }),
  },
];

export const TARGETS: readonly Target[] = [
  ...BINARY,
  ...[...BINARY, ...dataTargets(seeds).filter(({ name }) => /xlsx|parquet/.test(name))].map(inOneByte),
  jsonFile('tokenizer', ['TOKENIZER', 'UNSUPPORTED'], tokenizerJson, (json) =>
    loadTokenizer({ tokenizerJson: json as object as Record<string, unknown> }, 'model').encodePair(
      '糖尿病 ab [SEP]',
      'É！',
      16,
    ),
  ),
  jsonFile(
    'config',
    ['MODEL_CONFIG', 'UNSUPPORTED', 'NOT_FOUND'],
    JSON.parse(readFileSync(join(FIXTURES, 'checkpoints/structbert/config.json'), 'utf8')),
    async (json, folder) => {
      const inside = mkdtempSync(join(folder, 'input.'));
      try {
        writeFileSync(join(inside, 'config.json'), JSON.stringify(json));
        await openModelFolder(inside);
      } finally {
        rmSync(inside, { recursive: true });
      }
    },
  ),
  jsonFile('recipe', ['RECIPE', 'UNSUPPORTED'], recipe, (json) =>
    resolveRecipe(validateRecipe(json, 'r.medtext.json')),
  ),
  listings('hugging-face', (transport) => new HuggingFaceHub('https://hub.test', transport), [{ id: 'org/name', sha: OID }, tree.slice(0, 2), tree.slice(2)], 'model'), // prettier-ignore
  listings('modelscope', (transport) => new ModelScopeHub('https://hub.test', transport), [{ Code: 200, Data: { Files: modelScopeFiles } }], 'model'), // prettier-ignore
  listings('modelscope-data', (transport) => new ModelScopeHub('https://hub.test', transport), [{ Code: 200, Data: { Id: 7 } }, { Code: 200, Data: { Files: modelScopeFiles } }], 'dataset'), // prettier-ignore
  ...dataTargets(seeds),
];
