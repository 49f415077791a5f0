/** Writes a model folder whose model is an ONNX graph: what training an encoder exported elsewhere leaves. */
import { basename, join } from 'node:path';
import { copyRegularFile } from '../base/textFile';
import { weightBytes, type Model } from '../onnx/model';
import { replaceFolder } from './checkpoint/replaceFolder';
import { writeModelFile } from './checkpoint/writeOnnx';
import type { JsonObject } from './configJson';
import {
  configurationJson,
  json,
  label2id,
  ORIGIN_FIELD,
  refuseForeignFolder,
  tokenizerConfig,
  writeSynced,
  type ModelFolderContents,
  type WriteOptions,
} from './writeModelFolder';

export interface GraphFolderContents extends Omit<ModelFolderContents, 'parameters' | 'configFields' | 'labels'> {
  /** Has an output `logits` of one column a label. */
  readonly model: Model;
  readonly labels: readonly string[];
  /** config.json of the encoder, which describes an architecture that may not be ours. */
  readonly rawConfig: JsonObject;
}

/**
 * Writes `folder` whole or not at all: model.onnx (model.onnx.data beside a large one), config.json with the labels,
 * label_mapping.json, configuration.json, the copies and the extra files.
 * @throws MedTextError IO when the folder holds anything but an earlier model of ours, DISK_FULL.
 */
export async function writeGraphFolder(
  folder: string,
  contents: GraphFolderContents,
  { keepOldAs }: Pick<WriteOptions, 'keepOldAs'> = {},
): Promise<void> {
  await refuseForeignFolder(folder);
  const { labels, rawConfig, problemType, usage } = contents;
  const { architectures: _, ...config } = rawConfig;
  const files: Record<string, string | Uint8Array> = {
    'config.json': json({
      ...config,
      num_labels: labels.length,
      id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
      label2id: label2id(labels),
      problem_type: problemType,
      [ORIGIN_FIELD]: usage,
    }),
    'configuration.json': json({ ...configurationJson(contents, labels), framework: 'onnx' }),
    'label_mapping.json': json(label2id(labels)),
    ...tokenizerConfig(contents),
    ...contents.extraFiles,
  };
  const fill = async (temporary: string): Promise<void> => {
    await writeModelFile(join(temporary, 'model.onnx'), contents.model);
    for (const path of contents.copies) {
      if (!Object.hasOwn(files, basename(path))) await copyRegularFile(path, join(temporary, basename(path)));
    }
    for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
  };
  await replaceFolder(folder, fill, { sizeBytes: weightBytes(contents.model), keepOldAs });
}
