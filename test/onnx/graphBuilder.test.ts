import assert from 'node:assert/strict';
import { Operators } from '../../src/onnx/operators';

describe('graph builder', () => {
  it('refuses a second input of one name: one of them would never be fed', () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    assert.throws(() => g.input('x', 'float32', [2]), /GRAPH|has "x" already/);
    g.output(g.neg(x), 'y');
    assert.deepEqual(g.build('one').graph.inputs.map(({ name }) => name), ['x']); // prettier-ignore
  });

  it('refuses an input whose name a node has', () => {
    const g = new Operators();
    const { name } = g.neg(g.input('x', 'float32', [2]));
    assert.equal(name, 'Neg:0');
    assert.throws(() => g.input('Neg', 'float32', [2]), /has "Neg" already/);
  });

  it('refuses a second output of one name', () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    g.output(g.neg(x), 'y');
    assert.throws(() => g.output(g.exp(x), 'y'), /has the output "y" already/);
  });
});
