import assert from 'node:assert/strict';
import { memoryOfValues } from '../../src/onnx/valueLifetimes';
import { Operators } from '../../src/onnx/operators';

/** Bytes of float32 [16]. */
const size = 64;
const vector = (g: Operators, name: string) => g.input(name, 'float32', [16]);

describe('memory of a graph’s values', () => {
  const of = (build: (g: Operators) => void) => {
    const g = new Operators();
    build(g);
    return memoryOfValues(g.build('test').graph);
  };

  it('is that of one value in a chain, which is written over', () => {
    assert.deepEqual(of((g) => g.output(g.tanh(g.neg(g.exp(vector(g, 'x')))), 'y')), { peakBytes: size, outputBytes: size }); // prettier-ignore
  });

  it('is that of all that is still read later', () => {
    const kept = of((g) => {
      const a = g.exp(vector(g, 'x'));
      const b = g.tanh(a);
      g.output(g.mul(a, b), 'y');
    });
    assert.equal(kept.peakBytes, 2 * size);
  });

  it('counts a view not, and what it shows as long as the view lives', () => {
    const shown = of((g) => {
      const a = g.exp(vector(g, 'x'));
      const view = g.reshape(a, [4, 4]);
      const b = g.tanh(vector(g, 'z'));
      g.output(b, 'b');
      g.output(g.matMul(view, view), 'y');
    });
    assert.equal(shown.peakBytes, 3 * size);
  });

  it('keeps outputs to the end', () => {
    const { peakBytes, outputBytes } = of((g) => {
      const x = vector(g, 'x');
      g.output(g.exp(x), 'a');
      g.output(g.tanh(g.neg(x)), 'b');
    });
    assert.deepEqual([peakBytes, outputBytes], [2 * size, 2 * size]);
  });
});
