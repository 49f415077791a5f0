/** The encoder that every benchmark measures: BERT-base with the Chinese vocabulary, random weights. */
import { parseEncoderConfig } from '../../src/models/configJson';
import { bertNetwork } from '../../src/models/encoder';
import { loadParameters } from '../../src/models/modelFolder';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import type { Head } from '../../src/models/heads/head';
import { sequenceHead } from '../../src/models/heads/sequence';
import { adversarial } from '../../src/tasks/losses/adversarial';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { fgm } from '../../src/tasks/losses/fgm';
import { rDrop } from '../../src/tasks/losses/rDrop';
import type { Objective } from '../../src/tasks/objective';
import { trainedParameters } from '../../src/training/trainable';
import type { TrainerOptions, TrainingSteps } from '../../src/steps/trainingSteps';
import { createTrainer } from '../../src/steps/createTrainer';
import type { SessionOptions } from '../../src/inference/session';
import { resolveRecipe } from '../../src/protocol/recipe';

export const LABELS = 3;

/** The configuration's own defaults: 12 layers, 768 wide, 12 heads, 3072 in between, dropout 0.1. */
export const config = parseEncoderConfig(
  {
    model_type: 'bert',
    vocab_size: 21128,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
  },
  'the benchmark',
);

/** What a recipe says that says nothing. */
export const { train: defaults } = resolveRecipe({
  task: 'sentence-similarity',
  model: '',
  dataset: { train: { file: '' } },
});

const plain = crossEntropy({ labelCount: LABELS, labelSmoothing: 0 });

/** By the names of a recipe's fields, with the published values. */
export const LOSSES: Readonly<Record<string, Objective>> = {
  plain,
  adversarial: adversarial(plain, { adv_grad_factor: 5e-5, adv_bound: 1e-5, sigma: 5e-6 }, LABELS),
  fgm: fgm(plain, { epsilon: 1 }),
  r_drop: rDrop(plain, { alpha: 1 }),
};

/** Beside the losses of a classifier: masked language modelling, which has another head and other examples. */
export const MASKED = 'masked';

export async function bertBase(head: Head = sequenceHead) {
  const folder = {
    path: '',
    config,
    labels: undefined,
    problemType: undefined,
    weightsPath: undefined,
    tokenizerFiles: [],
    cardFiles: [],
    head,
    rawConfig: {},
    configuration: undefined,
  };
  const specs = [...encoderParameterSpecs(config), ...head.specs(config, LABELS)];
  const { parameters } = await loadParameters(folder, specs, { seed: 1 });
  return { network: bertNetwork(config, head, LABELS), parameters };
}

/** All parameters trained, dropout, clipping and AdamW as a recipe's defaults have them. */
export async function bertBaseTrainer(
  batchSize: number,
  session: SessionOptions,
  { lengths, precision, objective = plain, optimizerThreads, head }: Partial<Pick<TrainerOptions, 'lengths' | 'precision' | 'objective' | 'optimizerThreads'>> & { readonly head?: Head } = {}, // prettier-ignore
): Promise<TrainingSteps> {
  const { network, parameters } = await bertBase(head);
  const { optimizer } = defaults;
  return createTrainer({
    network,
    parameters,
    trained: trainedParameters(parameters.specs, defaults.trainable, network),
    objective,
    adamW: {
      betas: optimizer.betas,
      eps: optimizer.eps,
      weightDecay: optimizer.weight_decay,
      decays: (name) => !optimizer.no_decay.some((pattern) => name.includes(pattern)),
    },
    maxGradientNorm: defaults.max_grad_norm,
    batchSize,
    seed: defaults.seed,
    padTokenId: config.padTokenId,
    lengths,
    precision,
    optimizerThreads,
    session,
  });
}
