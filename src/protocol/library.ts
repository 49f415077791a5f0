import { byHub, hubNames } from '../base/hubNames';
import {
  anything,
  count,
  flag,
  listOf,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  recordOf,
  text,
  type Checked,
} from './check';
import { defineContract, handshake, workerEvents } from './contract';

/** Where the hubs are and how they are reached, as the person has set it; what is absent comes from the environment. */
const hubOptions = object(
  {},
  {
    endpoints: object(
      {},
      byHub(() => text),
    ),
    tokens: object(
      {},
      byHub(() => text),
    ),
    /** VS Code's `http.proxy`; `off`: none, whatever the environment says. */
    proxy: text,
    noProxy: listOf(text),
    strictCertificates: flag,
  },
);
export type HubOptions = Checked<typeof hubOptions>;

/** What is to be imported, and where downloads are put together. */
const wish = {
  /** A path, `modelscope:owner/name`, `hf:owner/name` or a page's address. */
  source: text,
  /** Whether a name that a hub may have twice means the data set. */
  isDataset: flag,
  downloads: text,
  hub: hubOptions,
};

/** Where CUDA's libraries may come from. */
const gpuRuntimeWish = {
  /** Looked into first; what they have is linked to. */
  folders: listOf(text),
  /** Whether what is found nowhere may come from the package index. */
  mayDownload: flag,
  hub: hubOptions,
};

export const gpuRuntimePlan = object(
  {
    cuda: count,
    /** The folder that they go to. */
    root: text,
    packages: listOf(object({ name: text, version: text, sizeBytes: count })),
    linked: listOf(text),
    system: listOf(text),
    totalBytes: number,
    keptBytes: number,
    unpackedBytes: number,
  },
  { driver: text, index: text },
);
export type GpuRuntimePlanned = Checked<typeof gpuRuntimePlan>;

export const gpuRuntimeStatus = object(
  {
    root: text,
    state: oneOf('none', 'current', 'stale', 'broken'),
    /** ONNX Runtime's, of this installation. */
    runtimeVersion: text,
    sizeBytes: number,
    keptBytes: number,
  },
  {
    cuda: count,
    installedVersion: text,
    installedAt: text,
    tested: flag,
    packages: listOf(text),
    folders: listOf(text),
  },
);
export type GpuRuntimeStanding = Checked<typeof gpuRuntimeStatus>;

const listedFile = object({ path: text, sizeBytes: count });

const foundImport = object(
  {
    kind: oneOf('local', 'cached', 'remote'),
    what: oneOf('model', 'dataset'),
    /** `modelscope:owner/name`; of a path its last name. */
    reference: text,
    /** The name that a folder for it would have. */
    name: text,
    /** To be downloaded; empty where nothing is. */
    files: listOf(listedFile),
    totalBytes: number,
    /** Of these, what is here from an earlier try. */
    keptBytes: number,
  },
  { commit: text },
);
export type FoundImport = Checked<typeof foundImport>;

const cachedImport = object({
  reference: text,
  kind: oneOf('model', 'dataset'),
  folder: text,
  sizeBytes: number,
});
export type CachedImport = Checked<typeof cachedImport>;

/** As {@link ModelFacts} of src/library/modelRecord.ts. */
export const modelFacts = object({
  contentHash: text,
  modelType: text,
  layers: count,
  hiddenSize: count,
  vocabSize: count,
  parameterCount: count,
  sizeBytes: number,
  license: nullable(text),
  source: nullable(text),
  revision: nullable(text),
  commit: nullable(text),
  importedAt: nullable(text),
  labels: listOf(text),
  hasMaskedLm: flag,
});
export type ModelFacts = Checked<typeof modelFacts>;

/** As {@link Verification} of src/library/verifyModel.ts. */
const verification = object({
  contentHash: text,
  files: listOf(object({ name: text, state: oneOf('same', 'changed', 'missing', 'unrecorded') })),
  tensors: count,
  notFinite: listOf(text),
  ok: flag,
});
export type Verification = Checked<typeof verification>;

const tensorRow = object({ name: text, dataType: text, shape: listOf(count) });
export type TensorRow = Checked<typeof tensorRow>;

export const modelDetail = object(
  {
    facts: modelFacts,
    config: recordOf(anything),
    tensors: listOf(tensorRow),
    /** Special tokens by their role; null where the model has no tokenizer that can be read. */
    tokenizer: nullable(object({ vocabSize: count, maskToken: text })),
    /** Why there is none. */
    tokenizerProblem: text,
  },
  {
    /** The same with its words, for a host in another language. */
    tokenizerError: object({ code: text, message: text }, { words: anything }),
  },
);
export type ModelDetail = Checked<typeof modelDetail>;

/** A token as written in the vocabulary; `textIndex` 0 or 1, null for a special token around the texts. */
export const shownToken = object({ id: count, text, textIndex: nullable(count) });
export type ShownToken = Checked<typeof shownToken>;

/** The likeliest tokens in place of one mask, most likely first. */
export const maskFill = object({ tokens: listOf(object({ text, probability: number })) });
export type MaskFill = Checked<typeof maskFill>;

/** The process that keeps models: imports, downloads, checks, and looks into them. Requests of a `job` tell `progress`. */
export const libraryContract = defineContract({
  name: 'library',
  version: 1,
  requests: {
    initialize: handshake,
    /** What an import would bring; asks the hub for its list of files at most. */
    find: { params: object({ ...wish }, { output: text }), result: foundImport },
    /** What the hubs' own clients have downloaded. */
    caches: { params: object({}), result: listOf(cachedImport) },
    /** Into a new folder of `models`; one that holds the same model already is the answer instead. */
    importModel: {
      params: object({ ...wish, job: count, models: text, known: listOf(text) }),
      result: object({ folder: text, isNew: flag, summary: text, facts: modelFacts }),
    },
    /** The files as they are into `output`. */
    importDataset: {
      params: object({ ...wish, job: count, output: text }),
      result: object({ folder: text, files: listOf(text) }),
    },
    /** Where the hubs' own clients have left a login; nothing in it is read. */
    logins: {
      params: object({}),
      result: listOf(object({ hub: oneOf(...hubNames), command: text, file: text })),
    },
    /** The token of one, for a person who wants it used; empty where it has none that counts. */
    loginToken: { params: object({ hub: oneOf(...hubNames) }), result: object({ token: text }) },
    /** What a recipe names by address and this machine does not have; asks the hubs for lists of files at most. */
    missingSources: {
      params: object({ recipe: recordOf(anything), hub: hubOptions }),
      result: listOf(
        object({
          kind: oneOf('model', 'dataset'),
          reference: text,
          files: listOf(listedFile),
          totalBytes: number,
          keptBytes: number,
        }),
      ),
    },
    /** Brings it: models into the library, data beside it. */
    bringSources: {
      params: object({ recipe: recordOf(anything), hub: hubOptions, known: listOf(text), job: count }),
      result: nothing,
    },
    /** The encoder that comes with the program, unpacked into `models` where it is not there yet. */
    starter: { params: object({ models: text, job: count }), result: object({ folder: text }) },
    verify: { params: object({ folder: text, job: count }), result: verification },
    /** Deletes a model's folder. @throws USAGE for one that is no model of the library */
    remove: { params: object({ folder: text }), result: nothing },
    detail: { params: object({ folder: text }), result: modelDetail },
    /** Tokens of a text, or of a pair, as the model gets them; at most 512. */
    tokenize: {
      params: object({ folder: text, first: text }, { second: text }),
      result: object({ tokens: listOf(shownToken), truncated: flag }),
    },
    /** @throws MODEL_CONFIG for a model without a masked-language-model head or a text without a mask */
    fillMask: { params: object({ folder: text, text, top: count }, { threads: count }), result: listOf(maskFill) },
    /**
     * What CUDA's libraries would take; reads lists and directories of archives at most.
     * @throws UNSUPPORTED, NOT_FOUND (libraries that are in no folder, where none may be downloaded), NETWORK, …
     */
    planGpuRuntime: { params: object(gpuRuntimeWish, { index: text }), result: gpuRuntimePlan },
    /** The same with everything brought, checked, tried on the card and put in its place. */
    installGpuRuntime: {
      params: object({ ...gpuRuntimeWish, job: count }, { index: text }),
      result: object({ cuda: count, tested: flag }),
    },
    gpuRuntimeStatus: { params: object({}), result: gpuRuntimeStatus },
    removeGpuRuntime: { params: object({}), result: object({ freedBytes: count }) },
  },
  events: {
    ...workerEvents,
    progress: object({
      job: count,
      phase: oneOf('download', 'import', 'check', 'unpack', 'test'),
      done: number,
      total: number,
      bytesPerSecond: number,
      secondsLeft: nullable(number),
    }),
  },
});
export type LibraryContract = typeof libraryContract;
