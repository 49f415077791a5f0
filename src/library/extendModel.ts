/** A model with more tokens, each of which begins as the mean of the pieces that it was split into. */
import { rmdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { readSmallFile } from '../base/textFile';
import { importModel, type ImportedModel } from '../models/importModel';
import { openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import type { WriteOptions } from '../models/writeModelFolder';
import { extendVocabulary } from '../tokenization/extendVocabulary';
import { loadTokenizer } from '../tokenization/tokenizer';
import { newFolder } from './importOnce';
import { writeModelRecord, type ModelRecord } from './modelRecord';

export interface ExtendedModel {
  readonly imported: ImportedModel;
  readonly vocabulary: { readonly before: number; readonly after: number };
  /** With the pieces that each was split into. */
  readonly tokens: readonly { readonly token: string; readonly pieces: readonly string[] }[];
}

/**
 * Writes the model to `output` with `tokens` added: rows of the word embeddings, and of a masked-language-model head's bias
 * (which is as long as the vocabulary, too).
 * @throws MedTextError UNSUPPORTED for an ONNX graph; what {@link extendVocabulary} and {@link importModel} throw.
 */
export async function extendModel(
  source: string,
  output: string,
  tokens: readonly string[],
  options: WriteOptions = {},
): Promise<ExtendedModel> {
  const folder = await openExtendable(source);
  const files = await readTokenizerFiles(folder);
  const extended = extendVocabulary(files, tokens, folder.path);
  const before = loadTokenizer(files, folder.path);
  const others: Record<string, Uint8Array> = {};
  for (const path of folder.tokenizerFiles) others[basename(path)] = await readSmallFile(path);
  const { layerCount } = folder.config;
  const imported = await importModel(source, output, {
    ...options,
    cut: {
      rows: Array.from({ length: extended.size }, (_, id) => id),
      layers: Array.from({ length: layerCount }, (_, layer) => layer),
      added: extended.pieces,
    },
    extraFiles: async () => ({ ...others, ...extended.files }),
  });
  return {
    imported,
    vocabulary: { before: extended.size, after: extended.size + extended.tokens.length },
    tokens: extended.tokens.map((token, i) => ({ token, pieces: extended.pieces[i].map((id) => before.tokenText(id)) })), // prettier-ignore
  };
}

/** @throws MedTextError UNSUPPORTED for an ONNX graph; what {@link openModelFolder} throws. */
export async function openExtendable(source: string): Promise<ModelFolder> {
  const folder = await openModelFolder(source);
  if (folder.weightsPath?.endsWith('.onnx')) {
    throw new MedTextError('UNSUPPORTED', words`${folder.path} is an ONNX graph, whose vocabulary cannot be extended. Take the model's safetensors or PyTorch file.`, { file: folder.path }); // prettier-ignore
  }
  return folder;
}

export interface ExtendedInLibrary {
  readonly folder: string;
  readonly record: ModelRecord;
  readonly vocabulary: ExtendedModel['vocabulary'];
}

/**
 * {@link extendModel} into a new folder of the library, with a record whose source is the model's name.
 * @param name what the model is called
 * @throws MedTextError what {@link extendModel} and {@link writeModelRecord} throw.
 */
export async function extendInLibrary(
  source: string,
  { models, name, tokens }: { readonly models: string; readonly name: string; readonly tokens: readonly string[] },
  options: WriteOptions = {},
): Promise<ExtendedInLibrary> {
  const folder = await newFolder(models, `${folderStem(name)}-extended`);
  try {
    const { vocabulary } = await extendModel(source, folder, tokens, options);
    const record = await writeModelRecord(folder, { kind: 'folder', reference: name }, { signal: options.signal });
    return { folder, record, vocabulary };
  } catch (error) {
    await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** A name that every system allows for a folder; a model that is extended again keeps one ending. */
function folderStem(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}._ -]+/gu, '-').replace(/^[. ]+|[. ]+$/g, '');
  return plain.replace(/-extended(-\d+)?$/, '').slice(0, 60) || 'model';
}
