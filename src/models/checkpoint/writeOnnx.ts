/** Writes an ONNX model to a file while its weights are read. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { weightBytes, type LaterTensor, type Model, type Tensor } from '../../onnx/model';
import { modelChunks } from '../../onnx/writeModel';

/** Above this, weights go to a file of their own: protobuf ends at 2 GB. */
const MAX_SINGLE_FILE_BYTES = 1.8e9;

export interface WriteModelOptions {
  /** The name of the file for weights that do not fit into the first, beside it. */
  readonly externalLocation?: string;
  /** Whether weights go there in any case. The runtime maps that file, and so needs less memory. */
  readonly isSplit?: boolean;
}

/** @throws MedTextError what the weights throw; the system's errors. */
export async function writeModelFile(
  path: string,
  model: Model<Tensor | LaterTensor>,
  { externalLocation, isSplit = false }: WriteModelOptions = {},
): Promise<void> {
  const splits = isSplit || weightBytes(model) > MAX_SINGLE_FILE_BYTES;
  const { chunks, externalData } = modelChunks(model, splits ? { externalThresholdBytes: 1024, externalLocation } : {});
  await writeFile(path, chunks, { flush: true });
  if (externalData) await writeFile(join(dirname(path), externalData.location), externalData.chunks, { flush: true });
}
