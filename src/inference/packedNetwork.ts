/** A network whose graph holds its weights: one session for batches of every shape. */
import type { Network } from '../models/encoder';
import type { ParameterSpec } from '../models/parameters';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import type { NetworkSession } from './classifierRunner';
import type { OpenNetwork, PackedSession } from './packedSession';
import type { Feed } from './session';

/** The graph and the parameters of a network, for {@link PackedSession.open}. */
export function openNetwork(network: Network, specs: readonly ParameterSpec[]): OpenNetwork {
  return {
    specs,
    build: (g, inputs, parameter) => g.output(network.build(g, inputs, { parameter }), 'logits'),
  };
}

export class PackedNetwork implements NetworkSession {
  readonly atOnce = 1;

  constructor(
    private readonly session: PackedSession,
    private readonly padTokenId: number,
    private readonly output: string,
    /** False on a device that compiles a graph for each shape. */
    readonly takesAnyShape = true,
  ) {}

  async run([examples]: readonly (readonly EncodedExample[])[], shape: BatchShape): Promise<Float32Array> {
    const outputs = await this.session.run(encoderFeeds(examples, shape, this.padTokenId));
    return outputs[this.output].data as Float32Array;
  }

  /** Does nothing, because the weights are those of a file. */
  parametersChanged(): void {}

  close(): Promise<void> {
    return this.session.release();
  }
}

/** An encoder's inputs, int32 [batch, length] each. */
export function encoderFeeds(
  examples: readonly EncodedExample[],
  shape: BatchShape,
  padTokenId: number,
): Record<'inputIds' | 'tokenTypeIds' | 'attentionMask', Feed> {
  const { inputIds, tokenTypeIds, attentionMask } = padBatch(examples, shape, padTokenId, 'int32');
  const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [shape.batchSize, shape.length], data });
  return { inputIds: ids(inputIds), tokenTypeIds: ids(tokenTypeIds), attentionMask: ids(attentionMask) };
}
