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

/** The person's settings for reaching the hubs. Absent fields come from the environment. */
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
    /** VS Code's `http.proxy`. `off` means no proxy, even if the environment names one. */
    proxy: text,
    noProxy: listOf(text),
    strictCertificates: flag,
  },
);
export type HubOptions = Checked<typeof hubOptions>;

/** What to import, and the folder for downloads. */
const wish = {
  /** The source: a path, `modelscope:owner/name`, `hf:owner/name` or a page's address. */
  source: text,
  /** Whether a name means the data set, if the hub also has a model of that name. */
  isDataset: flag,
  downloads: text,
  hub: hubOptions,
};

/** The sources for CUDA's libraries. */
const gpuRuntimeWish = {
  /** Folders that are searched first. Libraries in them are linked, not downloaded. */
  folders: listOf(text),
  /** Whether missing libraries may be downloaded from the package index. */
  mayDownload: flag,
  hub: hubOptions,
};

export const gpuRuntimePlan = object(
  {
    cuda: count,
    /** The folder for the libraries. */
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
    /** The version of ONNX Runtime in this installation. */
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
    /** `modelscope:owner/name`, or the last part of a path. */
    reference: text,
    /** The name for the import's folder. */
    name: text,
    /** The files to download; empty if nothing is downloaded. */
    files: listOf(listedFile),
    totalBytes: number,
    /** The bytes of `totalBytes` that an earlier attempt has downloaded. */
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

/** The shape of {@link ModelFacts} in src/library/modelRecord.ts. */
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

/** The shape of {@link Verification} in src/library/verifyModel.ts. */
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
    /** The tokenizer; null if the model has none that can be read. */
    tokenizer: nullable(object({ vocabSize: count, maskToken: text })),
    /** Why the tokenizer cannot be read. */
    tokenizerProblem: text,
  },
  {
    /** The tokenizer's error with its words, for a host in another language. */
    tokenizerError: object({ code: text, message: text }, { words: anything }),
  },
);
export type ModelDetail = Checked<typeof modelDetail>;

/** A token as the vocabulary writes it. `textIndex` is 0 or 1, null for a special token around the texts. */
export const shownToken = object({ id: count, text, textIndex: nullable(count) });
export type ShownToken = Checked<typeof shownToken>;

/** The likeliest tokens for one mask, the likeliest first. */
export const maskFill = object({ tokens: listOf(object({ text, probability: number })) });
export type MaskFill = Checked<typeof maskFill>;

/** As {@link VocabularyGap} of src/training/corpus/vocabularyGaps.ts. */
const vocabularyGap = object({ text, count, pieces: listOf(text), isUnknown: flag });
export type VocabularyGap = Checked<typeof vocabularyGap>;

/** The process that imports, downloads, verifies and inspects models. A request with a `job` reports `progress`. */
export const libraryContract = defineContract({
  name: 'library',
  version: 1,
  requests: {
    initialize: handshake,
    /** Finds what an import would download. Asks the hub at most for its list of files. */
    find: { params: object({ ...wish }, { output: text }), result: foundImport },
    /** Returns the host of each hub by settings and environment, without a request to any hub. */
    hubHosts: { params: object({ hub: hubOptions }), result: object(byHub(() => text)) },
    /** Searches one hub for models or data sets. Sends the typed words to the hub. @throws OFFLINE, NETWORK */
    search: {
      params: object({ name: oneOf(...hubNames), words: text, kind: oneOf('model', 'dataset'), hub: hubOptions }),
      result: listOf(object({ repository: text }, { downloads: count, license: text, task: text })),
    },
    /** Lists what the hubs' own clients have downloaded. */
    caches: { params: object({}), result: listOf(cachedImport) },
    /** Imports a model into a new folder of `models`. Returns the existing folder if the same model is there already. */
    importModel: {
      params: object({ ...wish, job: count, models: text, known: listOf(text) }),
      result: object({ folder: text, isNew: flag, summary: text, facts: modelFacts }),
    },
    /** Copies a data set's files unchanged into `output`. */
    importDataset: {
      params: object({ ...wish, job: count, output: text }),
      result: object({ folder: text, files: listOf(text) }),
    },
    /** Finds the login files of the hubs' own clients, without reading them. */
    logins: {
      params: object({}),
      result: listOf(object({ hub: oneOf(...hubNames), command: text, file: text })),
    },
    /** Reads the token from a hub's login, once the person agreed; empty if the login has no valid token. */
    loginToken: { params: object({ hub: oneOf(...hubNames) }), result: object({ token: text }) },
    /** Finds the addresses of a recipe that this machine lacks. Asks the hubs at most for lists of files. */
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
    /** Finds the local files of a recipe's data addresses, without asking a hub. Each has a path, an error, or neither if it is not on this machine. */
    localData: {
      params: object({ files: listOf(text), hub: hubOptions }),
      result: listOf(
        object({ file: text }, { path: text, error: object({ code: text, message: text }, { words: anything }) }),
      ),
    },
    /** Downloads what a recipe names by address: models into the library, data beside the library. */
    bringSources: {
      params: object({ recipe: recordOf(anything), hub: hubOptions, known: listOf(text), job: count }),
      result: nothing,
    },
    /** Returns the starter encoder's folder in `models`. Unpacks the encoder if the folder does not exist yet. */
    starter: { params: object({ models: text, job: count }), result: object({ folder: text }) },
    /** Words of texts that the model's tokenizer does not know or splits: unknown ones first, then those that cost most tokens. */
    vocabularyGaps: {
      params: object({ folder: text, texts: listOf(text), top: count, job: count }, { terms: text, column: text }),
      result: listOf(vocabularyGap),
    },
    /** The model with more tokens, in a new folder of `models` that is named after it. */
    extendModel: {
      params: object({ folder: text, name: text, models: text, tokens: listOf(text), job: count }),
      result: object({ folder: text, vocabulary: object({ before: count, after: count }) }),
    },
    verify: { params: object({ folder: text, job: count }), result: verification },
    /** Deletes a model's folder. @throws USAGE for a folder that is not a model of the library */
    remove: { params: object({ folder: text }), result: nothing },
    detail: { params: object({ folder: text }), result: modelDetail },
    /** Returns the tokens of a text or a pair as the model reads them, at most 512. */
    tokenize: {
      params: object({ folder: text, first: text }, { second: text }),
      result: object({ tokens: listOf(shownToken), truncated: flag }),
    },
    /** @throws MODEL_CONFIG for a model without a masked-language-model head or a text without a mask */
    fillMask: { params: object({ folder: text, text, top: count }, { threads: count }), result: listOf(maskFill) },
    /**
     * Plans the installation of CUDA's libraries. Downloads at most package lists and archive directories.
     * @throws UNSUPPORTED, NOT_FOUND (libraries that are in no folder, where none may be downloaded), NETWORK, …
     */
    planGpuRuntime: { params: object(gpuRuntimeWish, { index: text }), result: gpuRuntimePlan },
    /** Plans again, then downloads the libraries, verifies them, tests them on the GPU and installs them. */
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
      phase: oneOf('download', 'import', 'check', 'unpack', 'count', 'test'),
      done: number,
      total: number,
      bytesPerSecond: number,
      secondsLeft: nullable(number),
    }),
  },
});
export type LibraryContract = typeof libraryContract;
