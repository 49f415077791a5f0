/** Writes a model folder whose model is an ONNX graph: what training an encoder exported elsewhere leaves. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { copyRegularFile } from '../base/textFile';
import type { Model } from '../onnx/model';
import { writeModel } from '../onnx/writeModel';
import { replaceFolder } from './checkpoint/replaceFolder';
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

/** Above this, weights go to a file of their own: protobuf ends at 2 GB. */
export const MAX_SINGLE_FILE_BYTES = 1.8e9;

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
  const { initializers } = contents.model.graph;
  const sizeBytes = [...initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const written = writeModel(contents.model, sizeBytes > MAX_SINGLE_FILE_BYTES ? { externalThresholdBytes: 1024 } : {});
  const fill = async (temporary: string): Promise<void> => {
    await writeSynced(join(temporary, 'model.onnx'), written.bytes);
    if (written.externalData) {
      await writeFile(join(temporary, written.externalData.location), written.externalData.pieces, { flush: true });
    }
    for (const path of contents.copies) {
      if (!Object.hasOwn(files, basename(path))) await copyRegularFile(path, join(temporary, basename(path)));
    }
    for (const [name, content] of Object.entries(files)) await writeSynced(join(temporary, name), content);
  };
  await replaceFolder(folder, fill, { sizeBytes, keepOldAs });
}
