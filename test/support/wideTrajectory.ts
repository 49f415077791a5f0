/** An encoder as wide as BERT-base with its batches, made by the same formulas as in test/fixtures/wideTrajectory/makeLosses.py. */
import { bertNetwork } from '../../src/models/encoder';
import { parseEncoderConfig } from '../../src/models/configJson';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { Parameters } from '../../src/models/parameters';
import { sequenceHead } from '../../src/models/heads/sequence';
import type { Batch, TrainerOptions } from '../../src/steps/trainingSteps';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';

const ROWS = 16;
const LENGTH = 32;
const VOCABULARY = 300;

const config = parseEncoderConfig({ model_type: 'bert', vocab_size: VOCABULARY, hidden_size: 768, num_hidden_layers: 1, num_attention_heads: 12, intermediate_size: 1024, max_position_embeddings: LENGTH }, 'a test'); // prettier-ignore
const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 3)];

/** A number in [0, 1) that is a hash of the place. */
function uniform(place: number): number {
  let h = place;
  for (let i = 0; i < 2; i++) h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** The initial weights. */
export function wideParameters(): Parameters {
  const parameters = new Parameters(specs);
  let place = 0;
  for (const { name } of specs) {
    const about = name.endsWith('LayerNorm.weight') ? 1 : 0;
    const values = parameters.values(name);
    for (let i = 0; i < values.length; i++) values[i] = (uniform(place++) - 0.5) * 0.14 + about;
  }
  return parameters;
}

/** The batch of a step, counted from 1. Small ids are frequent, and every row begins with id 1. */
export function wideBatch(step: number): Batch {
  const examples = Array.from({ length: ROWS }, (_, row) => {
    const idAt = (i: number) =>
      2 + Math.floor((VOCABULARY - 2) * uniform(1000 * ((step - 1) % 5) + row * LENGTH + i) ** 3);
    const inputIds = Int32Array.from({ length: LENGTH }, (_, i) => (i === 0 ? 1 : idAt(i)));
    const tokenTypeIds = Int32Array.from({ length: LENGTH }, (_, i) => (i > 11 ? 1 : 0));
    return { target: row % 3, encoded: { inputIds, tokenTypeIds, length: LENGTH, truncated: false } };
  });
  return { length: LENGTH, examples };
}

/** Options of a trainer on the default number of threads. */
export function wideOptions(parameters: Parameters): TrainerOptions {
  return {
    network: bertNetwork(config, sequenceHead, 3),
    parameters,
    trained: new Set(parameters.names),
    objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
    adamW: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, decays: (name) => !/bias|LayerNorm.weight/.test(name) },
    maxGradientNorm: 1,
    batchSize: ROWS,
    dropout: 0,
    seed: 5,
    padTokenId: 0,
    session: {},
  };
}
