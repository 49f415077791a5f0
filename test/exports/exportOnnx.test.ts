import assert from 'node:assert/strict';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { sequenceHead } from '../../src/models/heads/sequence';
import type { OpenedModel } from '../../src/inference/openedModel';
import { onnxNetwork } from '../../src/exports/exportOnnx';
import { tinyConfig } from '../cli/support/tinyModel';

describe('an exported graph', () => {
  const inputsWith = (typeVocabSize: number): string[] => {
    const config = { ...tinyConfig(), typeVocabSize };
    const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 2)];
    const values = () => assert.fail('a weight was read');
    const weights = new Map(specs.map(({ name, shape }) => [name, { dataType: 'float32' as const, shape, values }]));
    const model = { folder: { config }, head: sequenceHead, columns: ['no', 'yes'] } as unknown as OpenedModel;
    return onnxNetwork(model, weights).graph.inputs.map(({ name }) => name);
  };

  it('asks for token types only where the model has several: RoBERTa’s tokenizers give none', () => {
    assert.deepEqual(inputsWith(2).sort(), ['attention_mask', 'input_ids', 'token_type_ids']);
    assert.deepEqual(inputsWith(1).sort(), ['attention_mask', 'input_ids']);
  });
});
