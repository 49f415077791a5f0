/** Export of a fine-tuned model for other programs. */
import { basename, resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { openModel } from '../inference/openModel';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import { namesIn } from '../models/checkpoint/replaceFolder';
import { importModel } from '../models/importModel';
import { isKnownToTransformers } from '../models/encoder';
import { hasPooler } from '../models/encoderConfig';
import { bertWeights } from '../models/loadNetwork';
import { openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { sentenceLayout, sentenceTransformersFiles } from '../models/sentenceTransformers';
import { json, tokenizerConfig } from '../models/writeModelFolder';
import type { ExportCheck } from '../protocol/exportCheck';
import type { ModelFormat } from '../protocol/modelFormat';
import { specialTokenFields } from '../tokenization/specialTokens';
import { jsonObject } from '../tokenization/tokenizerJson';
import { completeTokenizerJson, vocabularyToTokenizerJson } from '../tokenization/vocabularyToTokenizerJson';
import { renderExportCard } from './exportCard';
import { exportOnnx } from './exportOnnx';

export interface ExportedModel {
  /** The absolute path of the output. */
  readonly output: string;
  readonly files: readonly string[];
  /** For ONNX: the differences between the graph and this program, on rows of the model's run. */
  readonly checked?: ExportCheck;
  /** The same number as in `checked`. */
  readonly largestDifference?: number;
}

export interface ExportOptions {
  readonly format: ModelFormat;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** For ONNX: a file with the rows for the check, in place of those of the model's run. */
  readonly data?: string;
  readonly log?: (line: string) => void;
  /** Called with the bytes of weights written, or for ONNX with the rows computed for the check, twice for each row. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Writes a model to a new folder. It adds tokenizer.json and a card if the model has none.
 * `huggingface` and `modelscope`: a model folder, with model.safetensors or pytorch_model.bin.
 * `onnx`, `onnx-fp16`, `onnx-int8`: model.onnx, model_fp16.onnx (LayerNorm and Softmax in float32) or model_int8.onnx
 * (dynamic quantisation), opset 20; `input_ids`, `attention_mask`, `token_type_ids` int64 [batch, sequence] to float32
 * `logits` [batch, labels].
 * `sentence-transformers`: the encoder without its head, with modules.json and pooling (the mean of the tokens unless the
 * model has another).
 * @throws MedTextError IO if the folder is not empty; the errors of opening and writing; UNSUPPORTED if the precision does not
 * suit the model.
 */
export async function exportModel(model: string, output: string, options: ExportOptions): Promise<ExportedModel> {
  const path = resolve(output);
  await refuseUsedFolder(path);
  const { format, signal } = options;
  if (format === 'onnx' || format === 'onnx-fp16' || format === 'onnx-int8') {
    const opened = await openModel(model, { threads: options.threads, signal });
    try {
      const files = await completingFiles(opened.folder, format);
      const checked = await exportOnnx(opened, path, format, files, options);
      return {
        output: path,
        files: await namesIn(path),
        checked,
        largestDifference: checked.largestDifference,
      };
    } finally {
      await opened.close();
    }
  }
  await refuseNamelessGraph(model, format);
  const sentences = format === 'sentence-transformers';
  if (!sentences) await refuseOtherHead(model, format);
  await importModel(model, path, {
    signal,
    onProgress: ({ doneBytes, totalBytes }) => options.onProgress?.(doneBytes, totalBytes),
    // ModelScope's loaders look for pytorch_model.bin.
    weightsFormat: format === 'modelscope' ? 'torch' : 'safetensors',
    encoderOnly: sentences,
    extraFiles: async (folder) => ({
      ...(sentences && sentenceTransformersFiles(await sentenceLayout(folder.path), folder.config)),
      ...(await completingFiles(folder, format)),
    }),
  });
  return { output: path, files: await namesIn(path) };
}

/** Refuses a head that no class of transformers or ModelScope computes, because they would load it as another head. */
async function refuseOtherHead(model: string, format: ModelFormat): Promise<void> {
  const { config, head, path } = await openModelFolder(model);
  if (isKnownToTransformers({ config, head })) return;
  const message = hasPooler(config)
    ? words`${path}: no class of ${format} has its head (${head.id}). Export it as onnx, which holds the head, or as sentence-transformers, the encoder alone.`
    : words`${path}: its head reads ${config.headPooling === 'mean' ? words`the mean of the tokens` : words`the first token without a pooler`}, which no class of ${format} does. Export it as onnx, which holds the head, or as sentence-transformers, the encoder alone.`;
  throw new MedTextError('UNSUPPORTED', message, { format, head: head.id, pooling: config.headPooling });
}

/** Those of tokenizer.json, tokenizer_config.json and README.md that the folder lacks. */
async function completingFiles(folder: ModelFolder, format: ModelFormat): Promise<Record<string, string>> {
  const { vocabTxt, tokenizerJson, tokenizerConfig: config, ...older } = await readTokenizerFiles(folder);
  const files: Record<string, string> = {};
  if (vocabTxt !== undefined && tokenizerJson === undefined) {
    const usual = tokenizerConfig({ copies: folder.tokenizerFiles, config: folder.config });
    const settings = jsonObject(config ?? usual['tokenizer_config.json'], folder.path, 'tokenizer_config.json');
    const specialTokensMap = jsonObject(older.specialTokensMap ?? {}, folder.path, 'special_tokens_map.json');
    const addedTokens = jsonObject(older.addedTokens ?? {}, folder.path, 'added_tokens.json');
    const made = vocabularyToTokenizerJson(
      vocabTxt,
      { config: settings, specialTokensMap, addedTokens },
      folder.path,
      folder.config.vocabSize,
    );
    files['tokenizer.json'] = json(completeTokenizerJson(made));
    // transformers.js pads with the token that this file names, and does not pad without it.
    files['tokenizer_config.json'] = json({ ...specialTokenFields(made, settings, specialTokensMap), ...settings });
  }
  // A classifier's card does not describe the encoder alone.
  const hasCard = folder.cardFiles.some((file) => /^readme\.md$/i.test(basename(file)));
  if (!hasCard || format === 'sentence-transformers') files['README.md'] = renderExportCard(folder, format);
  return files;
}

/** Refuses an ONNX graph whose weights have no known names, because a model folder needs names. */
async function refuseNamelessGraph(path: string, format: ModelFormat): Promise<void> {
  const folder = await openModelFolder(path);
  if (!folder.weightsPath?.endsWith('.onnx')) return;
  const { model } = await readOnnxFile(folder.weightsPath);
  if (bertWeights(model, folder)) return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${folder.path} is an ONNX graph (${basename(folder.weightsPath)}) whose weights do not have BERT's names, so it cannot be written as ${format}. Export it as onnx, onnx-fp16 or onnx-int8.`,
    { file: folder.weightsPath, format },
  );
}

async function refuseUsedFolder(path: string): Promise<void> {
  const present = await namesIn(path);
  if (present.length === 0) return;
  throw new MedTextError(
    'IO',
    words`${path} already holds files (${present.slice(0, 3).join(', ')}). Choose a new folder.`,
    {
      file: path,
    },
  );
}
