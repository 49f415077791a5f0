/** Any supported layout of a model to a clean model folder. */
import { basename, join, resolve } from 'node:path';
import { readSmallFile } from '../base/textFile';
import { MedTextError, words } from '../base/errors';
import { isSamePlace } from '../base/atomicFile';
import { elementCount } from '../onnx/dataType';
import type { Model } from '../onnx/model';
import { assertFinite } from './checkpoint/finite';
import { openInitializers, readOnnxFile } from './checkpoint/onnxWeights';
import type { WritableTensor } from './checkpoint/writeSafetensors';
import { isObject, modelFamily, type JsonObject } from './configJson';
import { cutFolder, cutWeights, type EncoderCut } from './cutEncoder';
import { refuseNaN, graphClassifier } from './graphClassifier';
import { importGraph } from './importGraph';
import { bertWeights } from './loadNetwork';
import {
  cleaningOf,
  openModelFolder,
  planLoad,
  refuseOtherVocabulary,
  storedShape,
  type ModelFolder,
} from './modelFolder';
import { openWeights } from './openWeights';
import { encoderParameterSpecs, MASKED_LM_HEAD, TIED_DECODER, type LoadReport } from './parameterNames';
import { readSentenceLayout, sentenceTransformersFiles } from './sentenceTransformers';
import { readSimilarityReference, SIMILARITY_REFERENCE } from './similarityReference';
import { json, writeModelFolder, type WriteOptions } from './writeModelFolder';

export interface ImportedModel {
  /** The new folder, absolute. */
  readonly path: string;
  readonly source: ModelFolder;
  readonly parameterCount: number;
  readonly report: LoadReport;
}

export interface ImportOptions extends WriteOptions {
  /** The weights file: model.safetensors unless told, or pytorch_model.bin. */
  readonly weightsFormat?: 'safetensors' | 'torch';
  /** Leaves classifier and masked-language-model head out, and what is said of their use. */
  readonly encoderOnly?: boolean;
  /** Leaves out rows of the vocabulary and layers; the tokenizer's files then come from `extraFiles`. */
  readonly cut?: EncoderCut;
  /** Further files of the new folder, by name, made from what the source folder is. */
  readonly extraFiles?: (source: ModelFolder) => Promise<Readonly<Record<string, string | Uint8Array>>>;
  /** Whether a graph's output depends on padding; undefined: not known. */
  readonly readsPadding?: (graph: Model, path: string, source: ModelFolder) => Promise<boolean | undefined>;
}

/** Fields of config.json that say nothing about the architecture but that tokenizers and others look for. */
const KEPT_FIELDS = [
  'bos_token_id',
  'eos_token_id',
  'sep_token_id',
  'cls_token_id',
  'mask_token_id',
  'tokenizer_class',
  // The places of a cross-encoder's activation, in sentence-transformers 4 and later and in earlier versions.
  'sentence_transformers',
  'sbert_ce_default_activation_function',
];

/**
 * Reads the model at `source` (a folder or a weights file) tensor by tensor and writes it to `output` as float32
 * safetensors under today's names, with tokenizer files, cards and ModelScope's files. A classifier and a
 * masked-language-model head are kept when they are there; parameters that are absent stay absent. An ONNX file whose
 * weights do not tell their names, or are quantised, is kept as it is.
 * @throws MedTextError what {@link openModelFolder}, {@link planLoad} and {@link writeModelFolder} throw.
 */
export async function importModel(source: string, output: string, options: ImportOptions = {}): Promise<ImportedModel> {
  const given = await openModelFolder(source);
  refuseOtherVocabulary(given);
  const folder = options.cut ? cutFolder(given, options.cut) : given;
  const path = resolve(output);
  if (await isSamePlace(path, folder.path)) {
    throw new MedTextError('USAGE', words`A model cannot be imported onto itself; choose another output folder.`, {
      file: path,
    });
  }
  if (folder.weightsPath === undefined) {
    throw new MedTextError(
      'NOT_FOUND',
      words`${folder.path} has no weights file (model.safetensors, pytorch_model.bin, …).`,
      {
        file: folder.path,
      },
    );
  }
  if (folder.weightsPath.endsWith('.onnx')) {
    const { model, files } = await readOnnxFile(folder.weightsPath);
    refuseNaN(model, folder.weightsPath);
    if (!bertWeights(model, folder)) return keptGraph(folder, model, files, path, options);
  }
  const stored = await openWeights(folder, folder.weightsPath);
  const checkpoint = options.cut ? cutWeights(stored, options.cut, given.config.vocabSize) : stored;
  try {
    const { head, config } = folder;
    const encoder = encoderParameterSpecs(config);
    const { mapping } = planLoad(checkpoint, encoder, folder);
    const rows = options.encoderOnly ? undefined : head.columnsOf(storedShape(checkpoint, mapping));
    const labels =
      folder.labels ?? (rows === undefined ? undefined : Array.from({ length: rows }, (_, id) => `LABEL_${id}`));
    const headed = rows === undefined || !labels ? [] : head.specs(config, labels.length);
    const plan = planLoad(checkpoint, [...encoderParameterSpecs(config, headed.length > 0 ? head.readsPooler(config) : undefined), ...headed], folder); // prettier-ignore

    const heads = [...mapping.fromOurs]
      .filter(([ours]) => !options.encoderOnly && MASKED_LM_HEAD.test(ours) && !TIED_DECODER.test(ours))
      .map(([ours, from]) => ({ name: ours, from }));
    const isClassifier = plan.used.some(({ name }) => head.owns(name));
    // ELECTRA's encoder has no pooler: the dense layer belongs to the classifier, and goes with it.
    const isHeadless = modelFamily(folder.config.modelType) === 'electra' && !isClassifier;
    const used = [...plan.used.filter(({ name }) => !isHeadless || !name.startsWith('bert.pooler.')), ...heads];
    const kept = new Set(used.map(({ from }) => from));
    const leftOver = plan.leftOver
      .filter(({ name }) => !kept.has(name))
      .map(({ name, reason }) =>
        TIED_DECODER.test(name) ? { name, reason: 'tied to the word embeddings' } : { name, reason },
      );

    let scratch = new Float32Array(0);
    const tensors: WritableTensor[] = used.map(({ name, from }) => {
      const tensor = checkpoint.tensors.get(from);
      if (!tensor) throw new MedTextError('INTERNAL', `Tensor "${from}" vanished.`);
      const values = async () => {
        // One buffer serves all tensors: each is written before the next is read.
        const length = elementCount(tensor.shape);
        if (scratch.length < length) scratch = new Float32Array(length);
        const into = scratch.subarray(0, length);
        await tensor.read(into);
        assertFinite(into, from, folder.weightsPath ?? folder.path);
        return into;
      };
      return { name, shape: tensor.shape, values };
    });

    const layout = await readSentenceLayout(folder.path).catch((error: unknown) => {
      if (!(error instanceof MedTextError) || error.code !== 'UNSUPPORTED') throw error;
      // The encoder is of use all the same, but it is no longer what its modules made of it.
      leftOver.push({ name: 'modules.json', reason: `${error.message} Only the encoder is imported` });
      return undefined;
    });
    // Fewer layers give other cosines.
    const losesLayers = folder.config.layerCount < given.config.layerCount;
    const configurationPath = join(folder.path, 'configuration.json');
    await writeModelFolder(
      path,
      {
        parameters: tensors,
        config: folder.config,
        labels: isClassifier ? labels : undefined,
        ...(isClassifier && { head }),
        problemType: folder.problemType,
        usage: options.encoderOnly ? cleaningUsage(folder) : usageOf(folder),
        copies: [...folder.tokenizerFiles, ...folder.cardFiles],
        // ModelScope's own configuration holds training defaults that no other file has.
        extraFiles: {
          ...(folder.configuration &&
            !options.encoderOnly && { [basename(configurationPath)]: await readSmallFile(configurationPath) }),
          // A folder in sentence-transformers' layout keeps that layout.
          ...(layout && sentenceTransformersFiles(layout, folder.config)),
          ...(layout && !losesLayers && (await similarityReferenceFile(given.path))),
          ...(await options.extraFiles?.(folder)),
        },
        weightsFormat: options.weightsFormat,
        configFields: Object.fromEntries(
          KEPT_FIELDS.filter((field) => folder.rawConfig[field] != null).map((field) => [
            field,
            folder.rawConfig[field],
          ]),
        ),
      },
      options,
    );
    const missing = plan.missing.map(({ name }) => ({ name, initializedAs: 'left out; training will initialise it' }));
    return {
      path,
      source: folder,
      parameterCount: tensors.reduce((sum, tensor) => sum + elementCount(tensor.shape), 0),
      report: { used, missing, leftOver },
    };
  } finally {
    await checkpoint.close();
  }
}

async function similarityReferenceFile(folder: string): Promise<Record<string, string>> {
  const reference = await readSimilarityReference(folder);
  return reference ? { [SIMILARITY_REFERENCE]: json(reference) } : {};
}

/** A graph that is not a BERT's, or whose weights cannot be assigned, or that is quantised. */
async function keptGraph(
  folder: ModelFolder,
  model: Model,
  files: readonly string[],
  path: string,
  options: ImportOptions,
): Promise<ImportedModel> {
  const exactLengths = await options.readsPadding?.(model, files[0], folder);
  await importGraph(folder, files, path, { ...options, exactLengths });
  const stored = await openInitializers(files[0]);
  const weights = [...stored.tensors.values()].filter(({ dataType }) => /^(b?float\d+|u?int8)$/.test(dataType));
  return {
    path,
    source: folder,
    parameterCount: weights.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    report: {
      used: weights.map(({ name }) => ({ name, from: name })),
      missing: [],
      leftOver: [],
      remarks: [...trainingRemarks(model, folder, files[0]), ...(exactLengths ? [EXACT_LENGTHS] : [])],
    },
  };
}

const EXACT_LENGTHS =
  'Its outputs depend on padding, so texts of different lengths are scored separately, without padding';

/** Why a graph cannot be trained, if so. */
function trainingRemarks(model: Model, folder: ModelFolder, path: string): string[] {
  const width = model.graph.outputs.find(({ name }) => name === 'logits')?.shape.at(-1);
  try {
    graphClassifier(model, folder.config, typeof width === 'number' ? width : (folder.labels?.length ?? 2), path);
    return [];
  } catch (error) {
    if (error instanceof MedTextError) return [error.message];
    throw error;
  }
}

/** An encoder without its head still reads texts as it has learned to. */
function cleaningUsage(folder: ModelFolder): JsonObject | undefined {
  const clean = cleaningOf(folder);
  return clean.length > 0 ? { clean } : undefined;
}

/** The fields that an earlier training of ours wrote for the model's use (task, max_length, ...). */
function usageOf({ rawConfig }: ModelFolder): JsonObject | undefined {
  return isObject(rawConfig.medtext) ? rawConfig.medtext : undefined;
}
