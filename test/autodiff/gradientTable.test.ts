import assert from 'node:assert/strict';
import { GRADIENT_RULES } from '../../src/autodiff/rules';
import { SUPPORTED_OPERATORS } from '../../src/onnx/typeInference';
import { analyticGradients, disagreement, numericDerivatives, sampleOf } from './checkGradient';
import { GRADIENT_TABLE } from './gradientTable';

/** Every supported operator without a rule, and why it has none. */
const NOT_DIFFERENTIABLE: Readonly<Record<string, string>> = {
  ...becauseOf('a truth value does not vary', ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Xor', 'Not', 'IsNaN']), // prettier-ignore
  ...becauseOf('it reads only the shape', ['Shape', 'Size', 'ConstantOfShape']),
  ...becauseOf('it makes constants', ['Constant', 'Range']),
  ...becauseOf('a step function: 0 wherever it has a slope; refused rather than silently stopping what is trained', ['Floor', 'Ceil', 'Sign', 'Mod']), // prettier-ignore
  ...becauseOf('exported encoders make masks and positions by it, on no path from a parameter; refused by name', [
    'Trilu',
    'CumSum',
    'GatherND',
  ]),
  ...becauseOf('no encoder or loss reduces so; refused by name', ['ReduceMin', 'ReduceProd']),
  ...becauseOf('gradients are made of it; no encoder or loss is', ['ScatterND', 'ScatterElements']),
  ...becauseOf('graphs are read with dropout off, as Identity; ours draws masks arithmetically', ['Dropout']),
};

function becauseOf(reason: string, operators: readonly string[]): Record<string, string> {
  return Object.fromEntries(operators.map((operator) => [operator, reason]));
}

describe('gradient table', () => {
  it('has rows for every operator with a rule', () => {
    const tested = new Set(GRADIENT_TABLE.map((row) => row.operator));
    assert.deepEqual(
      Object.keys(GRADIENT_RULES).filter((operator) => !tested.has(operator)),
      [],
    );
  });

  it('has rows of operators with a rule only, under unique names', () => {
    for (const { operator } of GRADIENT_TABLE)
      assert.ok(operator === 'composed' || operator in GRADIENT_RULES, operator);
    assert.equal(new Set(GRADIENT_TABLE.map((row) => row.name)).size, GRADIENT_TABLE.length);
  });

  it('leaves no supported operator without either a rule or a reason', () => {
    const explained = [...Object.keys(GRADIENT_RULES), ...Object.keys(NOT_DIFFERENTIABLE)];
    assert.deepEqual([...explained].sort(), [...SUPPORTED_OPERATORS].sort());
  });
});

describe('gradients equal central differences', () => {
  for (const row of GRADIENT_TABLE) {
    if (row.domains.includes('atKink')) continue;
    it(row.name, async () => {
      const sample = sampleOf(row);
      const derivatives = await numericDerivatives(row);
      const [gradients] = await analyticGradients(row, sample);
      if (gradients instanceof Error) throw gradients;
      assert.equal(disagreement(row, sample, gradients, derivatives), undefined, row.reason);
      // A derivative of 0 would let wrong rules pass.
      for (const [i, derivative] of derivatives.entries())
        assert.ok(Math.abs(derivative) > 1e-3, `input ${i} is blind`);
    });
  }
});
