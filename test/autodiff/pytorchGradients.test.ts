import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GRADIENT_RULES } from '../../src/autodiff/rules';
import { runGraph } from '../support/graphRunner';
import { analyticGradients, lossGraph, named } from './checkGradient';
import { gradientRow, GRADIENT_TABLE } from './gradientTable';

/** One row's numbers, each tensor flat. */
interface Case {
  readonly inputs: number[][];
  readonly weights: number[][];
  readonly outputs: number[][];
  readonly gradients: number[][];
}

/** Made by makeGradients.py beside it. */
const CASES = JSON.parse(readFileSync(path.join(__dirname, '../fixtures/gradients/gradients.json'), 'utf8')) as Record<
  string,
  Case
>;

const TOLERANCE = 1e-5;

describe("gradients equal PyTorch's", () => {
  for (const [name, expected] of Object.entries(CASES)) {
    it(name, async () => {
      const row = gradientRow(name);
      const { g, y } = lossGraph(row, expected.weights);
      y.forEach((value, k) => g.output(value, `y${k}`));
      const outputs = await runGraph(g.build('forward'), named(expected.inputs));
      expected.outputs.forEach((values, k) => assertClose(outputs[`y${k}`], values, `output ${k}`));

      const [gradients] = await analyticGradients(row, expected);
      if (gradients instanceof Error) throw gradients;
      expected.gradients.forEach((values, i) => assertClose(gradients[i], values, `gradient of input ${i}`));
    });
  }

  it('for every operator with a rule, and every row at a kink', () => {
    const operators = new Set(Object.keys(CASES).map((name) => gradientRow(name).operator));
    assert.deepEqual(
      Object.keys(GRADIENT_RULES).filter((operator) => !operators.has(operator)),
      [],
    );
    for (const row of GRADIENT_TABLE) if (row.domains.includes('atKink')) assert.ok(row.name in CASES, row.name);
  });
});

function assertClose(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length, what);
  const scale = Math.max(1, ...expected.map(Math.abs));
  actual.forEach((value, i) => {
    assert.ok(
      Math.abs(value - expected[i]) <= TOLERANCE * scale,
      `${what}, element ${i}: ${value}, not ${expected[i]}`,
    );
  });
}
