/** A head on an encoder: its parameters, their names in files, and its graph. */
import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import type { BertOptions, EncoderInputs } from '../bert';
import type { ModelFamily, ProblemType } from '../configJson';
import type { EncoderConfig } from '../encoderConfig';
import type { ParameterSpec } from '../parameters';

/** An axis of an output: the rows of a graph, its length in tokens, or a size that never changes. */
export type OutputAxis = 'rows' | 'length' | number;

/** The output of a network. The first axis is the rows. */
export interface NetworkOutput {
  readonly name: string;
  readonly axes: readonly ['rows', ...OutputAxis[]];
}

/** Columns are what a head tells apart: the labels of a classifier, the tags of a tagger. */
export interface Head {
  /** The head's name in config.json's `medtext.head`, where no class of transformers names it. */
  readonly id: string;
  /** transformers' class is the family's name and this: `ForTokenClassification`; undefined: it has none. */
  readonly classSuffix: string | undefined;
  /** The fields that config.json gets for such a head where nobody set them; undefined: none. */
  problemType(columns: number): ProblemType | undefined;
  /** Whether transformers' class computes the same as this head over such an encoder. */
  isKnownToTransformers(config: EncoderConfig): boolean;
  /** Whether the head reads one state a text, which `headPooling` of the configuration names. */
  readonly pools: boolean;
  /** Whether the encoder's pooler lies between encoder and head. */
  readsPooler(config: EncoderConfig): boolean;
  /** The head's own parameters by the engine's names, without the pooler. */
  specs(config: EncoderConfig, columns: number): ParameterSpec[];
  /** Whether a parameter, by the engine's name, belongs to the head. */
  owns(name: string): boolean;
  /** The columns of a stored head, by the shapes of its parameters; undefined: there is none. */
  columnsOf(shapeOf: (name: string) => readonly number[] | undefined): number | undefined;
  /** The name in a file for transformers of a parameter that a file of this head calls otherwise; undefined: of any other. */
  fileName(name: string, family: ModelFamily): string | undefined;
  /** The engine's name of a parameter of the head, by its name in a file without the prefix of the encoder; undefined: it is none. */
  engineName(inFile: string, family: ModelFamily): string | undefined;
  output(columns: number): NetworkOutput;
  /** The output's value, with the encoder below it. */
  build(g: Operators, config: EncoderConfig, inputs: EncoderInputs, options: BertOptions): Value;
}

/** The parameters of one linear layer. */
export function linearSpecs(name: string, outputs: number, inputs: number): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs], initial: 'normal' },
    { name: `${name}.bias`, shape: [outputs], initial: 'zeros' },
  ];
}
