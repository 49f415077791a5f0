import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { addGradients } from '../../src/autodiff/gradients';
import type { Value } from '../../src/onnx/graphBuilder';
import { liftParameters } from '../../src/onnx/liftParameters';
import { Operators } from '../../src/onnx/operators';
import { readModel } from '../../src/onnx/readModel';
import { specialize } from '../../src/onnx/specialize';
import { writeModel } from '../../src/onnx/writeModel';
import { encoderBytes, encoderFeeds, floatsOf, LAYOUTS, REFERENCE, runOnnx } from './foreignEncoders';

describe('differentiating foreign encoders', () => {
  for (const layout of LAYOUTS) {
    it(`${layout}: loss and the gradient of every parameter equal PyTorch's`, async () => {
      const reference = REFERENCE.gradientCase;
      const { shape, labels } = reference;
      const [batch] = shape;
      const lifted = liftParameters(
        specialize(readModel(encoderBytes(layout)), {
          inputShapes: { input_ids: shape, attention_mask: shape, token_type_ids: shape },
          outputs: ['last_hidden_state'],
        }),
      );

      // Cross-entropy of a linear classifier on the first token, as in makeForeignEncoders.py.
      const g = new Operators();
      const values = g.include(lifted.graph);
      const hidden = values.get('last_hidden_state')!;
      const first = g.reshape(g.slice(hidden, [0], [1], [1]), [batch, 16]);
      const weight = g.input('classifier.weight', 'float32', [3, 16]);
      const bias = g.input('classifier.bias', 'float32', [3]);
      const logits = g.gemm(first, weight, bias, { transB: true });
      const chosen = g.input('chosen', 'float32', [batch, 3]); // one-hot
      const loss = g.mul(g.reduceSum(g.mul(g.logSoftmax(logits), chosen)), -1 / batch);
      const parameters: Value[] = [...lifted.parameters.keys()].map((name) => values.get(name)!);
      const gradients = addGradients(g, loss, [...parameters, weight, bias]);
      g.output(loss, 'loss');
      for (const [name, gradient] of gradients) g.output(gradient, `grad.${name}`);

      const oneHot = labels.flatMap((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
      const float = (data: Float32Array, dims: readonly number[]) => new ort.Tensor('float32', data, [...dims]);
      const feeds: Record<string, ort.Tensor> = {
        ...encoderFeeds(reference),
        chosen: float(Float32Array.from(oneHot), [batch, 3]),
        'classifier.weight': float(floatsOf(reference.classifier.weight), [3, 16]),
        'classifier.bias': float(floatsOf(reference.classifier.bias), [3]),
      };
      for (const [name, tensor] of lifted.parameters) feeds[name] = float(tensor.data as Float32Array, tensor.shape);
      const outputs = await runOnnx(writeModel(g.build('foreign')).bytes, feeds);

      assert.ok(Math.abs(Number((outputs.loss.data as Float32Array)[0]) - reference.loss) < 1e-5);
      const compared = new Set<string>();
      for (const name of gradients.keys()) {
        const known = REFERENCE.parameterNames[layout][name] ?? { parameter: name, transposed: false };
        const expected = floatsOf(reference.gradients[known.parameter]);
        const actual = outputs[`grad.${name}`];
        const [rows, columns] = actual.dims;
        const at = (i: number) => (known.transposed ? (i % columns) * rows + Math.floor(i / columns) : i);
        const scale = Math.max(...expected.map(Math.abs));
        (actual.data as Float32Array).forEach((value, i) => {
          // Float32 sums in another order: relative to the parameter's largest gradient (zero for a key's bias).
          assert.ok(
            Math.abs(value - expected[at(i)]) < 2e-5 * scale + 1e-7,
            `${name}[${i}]: ${value}, not ${expected[at(i)]}`,
          );
        });
        compared.add(known.parameter);
      }
      assert.deepEqual([...compared].sort(), Object.keys(reference.gradients).sort());
    });
  }
});
