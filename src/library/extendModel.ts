/** A model with more tokens, each of which begins as the mean of the pieces that it was split into. */
import { basename } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { readTextFile } from '../base/textFile';
import { importModel, type ImportedModel } from '../models/importModel';
import { openModelFolder, readTokenizerFiles } from '../models/modelFolder';
import type { WriteOptions } from '../models/writeModelFolder';
import { extendVocabulary } from '../tokenization/extendVocabulary';
import { loadTokenizer } from '../tokenization/tokenizer';

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
  const folder = await openModelFolder(source);
  if (folder.weightsPath?.endsWith('.onnx')) {
    throw new MedTextError('UNSUPPORTED', words`${folder.path} is an ONNX graph, whose vocabulary cannot be extended. Take the model's safetensors or PyTorch file.`, { file: folder.path }); // prettier-ignore
  }
  const files = await readTokenizerFiles(folder);
  const extended = extendVocabulary(files, tokens, folder.path);
  const before = loadTokenizer(files, folder.path);
  const others: Record<string, string> = {};
  for (const path of folder.tokenizerFiles) others[basename(path)] = await readTextFile(path);
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
