import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, uniformAt } from '../../../src/base/random';
import { parseEncoderConfig } from '../../../src/models/configJson';
import { encoderParameterSpecs } from '../../../src/models/parameterNames';
import { Parameters } from '../../../src/models/parameters';
import { writeModelFolder } from '../../../src/models/writeModelFolder';
import { sequenceHead } from '../../../src/models/heads/sequence';

const CHARACTERS = [...'肺炎感冒高血压糖尿病怎么治疗的方法吃什么药能不有症状挂科号头痛胃镜手术'];

export const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...new Set(CHARACTERS)];

export interface TinyModel {
  /** Absent: an encoder without a classifier. */
  readonly labels?: readonly string[];
  readonly usage?: Readonly<Record<string, unknown>>;
  readonly problemType?: 'single_label_classification' | 'multi_label_classification' | 'regression';
  readonly layers?: number;
  /**
   * The first value of every token is 0, and the matrices that read it have weights for it that make the scale of int8 a
   * thousand times too coarse: float32 loses nothing, int8 all other weights.
   */
  readonly isHarmedByInt8?: boolean;
}

export const tinyConfig = (layers = 1) =>
  parseEncoderConfig(
    {
      model_type: 'bert',
      vocab_size: VOCABULARY.length,
      hidden_size: 16,
      num_hidden_layers: layers,
      num_attention_heads: 2,
      intermediate_size: 32,
      max_position_embeddings: 40,
      initializer_range: 0.3,
    },
    'tiny',
  );

/** Writes a model folder of a few thousand weights, the same ones every time. */
export async function writeTinyModel(
  folder: string,
  { labels, usage, problemType, layers, isHarmedByInt8 = false }: TinyModel,
): Promise<string> {
  const config = tinyConfig(layers);
  const specs = [...encoderParameterSpecs(config), ...(labels ? sequenceHead.specs(config, labels.length) : [])];
  const parameters = new Parameters(specs);
  specs.forEach((spec, index) => {
    const values = parameters.values(spec.name);
    const base = spec.initial === 'ones' ? 1 : 0;
    for (let i = 0; i < values.length; i++) values[i] = base + uniformAt(keyOf(3, index), i) - 0.5;
    if (!isHarmedByInt8) return;
    if (spec.name.includes('LayerNorm')) values[0] = 0;
    const [, inputs] = spec.shape;
    if (!spec.name.includes('embeddings') && inputs === config.hiddenSize)
      for (let i = 0; i < values.length; i += inputs) values[i] = 500;
  });
  mkdirSync(`${folder}.files`, { recursive: true });
  const vocabulary = join(`${folder}.files`, 'vocab.txt');
  writeFileSync(vocabulary, `${VOCABULARY.join('\n')}\n`);
  await writeModelFolder(folder, { parameters, config, labels, problemType, copies: [vocabulary], usage });
  return folder;
}
