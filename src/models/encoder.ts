/** An encoder with a head, as the training and inference graphs use it, whatever it was made from. */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import type { BertOptions, EncoderInputs } from './bert';
import type { EncoderConfig } from './encoderConfig';
import type { Head, NetworkOutput } from './heads/head';
import { encoderParameterSpecs } from './parameterNames';
import type { ParameterSpec } from './parameters';

export interface Network {
  readonly config: EncoderConfig;
  readonly head: Head;
  /** What the head distinguishes: the labels of a classifier. */
  readonly columns: number;
  readonly output: NetworkOutput;
  /** The output's value. */
  build(g: Operators, inputs: EncoderInputs, options: BertOptions): Value;
}

/** The head on a BERT-family encoder of this program's own. */
export function bertNetwork(config: EncoderConfig, head: Head, columns: number): Network {
  return {
    config,
    head,
    columns,
    output: head.output(columns),
    build: (g, inputs, options) => head.build(g, config, inputs, options),
  };
}

/** The network's parameters: those of the encoder, then those of the head. */
export function networkParameterSpecs(config: EncoderConfig, head: Head, columns: number): ParameterSpec[] {
  return [...encoderParameterSpecs(config, head.readsPooler(config)), ...head.specs(config, columns)];
}

/** Whether a class of transformers computes the same as the network. */
export function isKnownToTransformers({ config, head }: Pick<Network, 'config' | 'head'>): boolean {
  return head.classSuffix !== undefined && head.isKnownToTransformers(config);
}

/** The encoder's inputs, declared for a static (batch, length). */
export function declareInputs(g: Operators, batch: number, length: number): Required<EncoderInputs> {
  return {
    inputIds: g.input('inputIds', 'int32', [batch, length]),
    tokenTypeIds: g.input('tokenTypeIds', 'int32', [batch, length]),
    attentionMask: g.input('attentionMask', 'int32', [batch, length]),
  };
}
