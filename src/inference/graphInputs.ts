/** The inputs of an ONNX file's own graph: ids, mask and types, in the integer types that it wants. */
import { MedTextError, words } from '../base/errors';
import type { DataType } from '../onnx/dataType';
import type { Model } from '../onnx/model';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { Feed } from './session';

export interface GraphInput {
  readonly name: string;
  readonly dataType: DataType;
}

const KNOWN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'];

/** The graph's inputs. @throws MedTextError UNSUPPORTED for an input that a BERT does not have. */
export function graphInputs({ graph }: Model<unknown>, path: string): GraphInput[] {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const odd = inputs.find(({ name, dataType }) => !KNOWN_INPUTS.includes(name) || !/^int(32|64)$/.test(dataType));
  if (!odd) return inputs;
  throw new MedTextError('UNSUPPORTED', words`${path}: the graph's input "${odd.name}" is none of ${KNOWN_INPUTS.join(', ')} (int64).`, { file: path, input: odd.name }); // prettier-ignore
}

export function graphFeeds(
  inputs: readonly GraphInput[],
  examples: readonly EncodedExample[],
  shape: BatchShape,
  padTokenId: number,
): Record<string, Feed> {
  const types = new Set(inputs.map(({ dataType }) => dataType));
  const int32 = types.has('int32') ? padBatch(examples, shape, padTokenId, 'int32') : undefined;
  const int64 = types.has('int64') ? padBatch(examples, shape, padTokenId, 'int64') : undefined;
  return Object.fromEntries(
    inputs.map(({ name, dataType }): [string, Feed] => {
      const batch = (dataType === 'int32' ? int32 : int64)!;
      const arrays: Record<string, Feed['data']> = {
        input_ids: batch.inputIds,
        attention_mask: batch.attentionMask,
        token_type_ids: batch.tokenTypeIds,
      };
      return [name, { dataType, shape: [shape.batchSize, shape.length], data: arrays[name] }];
    }),
  );
}
