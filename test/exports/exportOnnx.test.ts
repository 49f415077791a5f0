import assert from 'node:assert/strict';
import type { Classifier } from '../../src/inference/openClassifier';
import { classifierParameterSpecs, encoderParameterSpecs } from '../../src/models/parameterNames';
import { Parameters } from '../../src/models/parameters';
import { onnxClassifier } from '../../src/exports/exportOnnx';
import { tinyConfig } from '../cli/support/tinyModel';

describe('an exported graph', () => {
  const inputsWith = (typeVocabSize: number): string[] => {
    const config = { ...tinyConfig(), typeVocabSize };
    const parameters = new Parameters([...encoderParameterSpecs(config), ...classifierParameterSpecs(config, 2)]);
    const classifier = { folder: { config }, labels: ['no', 'yes'] } as unknown as Classifier;
    return onnxClassifier(classifier, parameters).graph.inputs.map(({ name }) => name);
  };

  it('asks for token types only where the model has several: RoBERTa’s tokenizers give none', () => {
    assert.deepEqual(inputsWith(2).sort(), ['attention_mask', 'input_ids', 'token_type_ids']);
    assert.deepEqual(inputsWith(1).sort(), ['attention_mask', 'input_ids']);
  });
});
