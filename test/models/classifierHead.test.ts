import assert from 'node:assert/strict';
import { bertNetwork } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { selfTestMaterial } from '../../src/devices/doctor';
import { buildTrainingGraph } from '../../src/steps/trainingGraph';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';

describe('the classifier over an encoder', () => {
  const { parameters, config } = selfTestMaterial();
  const headOf = (modelType: string) => {
    const network = bertNetwork({ ...config, modelType }, sequenceHead, 3);
    const trained = new Set(['classifier.weight']);
    return buildTrainingGraph(
      {
        network,
        specs: parameters.specs,
        trained,
        objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
        dropout: 0.1,
      },
      2,
      8,
    );
  };

  // As transformers' BertForSequenceClassification, RobertaClassificationHead and ElectraClassificationHead.
  for (const [modelType, dropsFirst, activation] of [
    ['bert', false, 'Tanh'],
    ['structbert', false, 'Tanh'],
    ['roberta', true, 'Tanh'],
    ['xlm-roberta', true, 'Tanh'],
    ['electra', true, 'Gelu'],
  ] as const) {
    it(`of ${modelType} has ${activation} and drops out ${dropsFirst ? 'before and ' : ''}after it`, () => {
      const { model, randomSites } = headOf(modelType);
      const ofHead = randomSites.map(({ name }) => name).filter((name) => !name.includes('layer.') && !name.includes('embeddings')); // prettier-ignore
      assert.deepEqual(ofHead, [...(dropsFirst ? ['mask.bert.pooler'] : []), 'mask.classifier']);
      const operators = model.graph.nodes.filter(({ name }) => name.startsWith('bert.pooler')).map(({ opType }) => opType); // prettier-ignore
      assert.ok(operators.includes(activation), operators.join());
    });
  }
});
