/** A row that no wrong rule fails is not a test: every breakage of every rule must be caught by the operator's rows. */
import assert from 'node:assert/strict';
import { GRADIENT_RULES } from '../../src/autodiff/rules';
import { analyticGradients, disagreement, numericDerivatives, sampleOf } from './checkGradient';
import { GRADIENT_TABLE } from './gradientTable';
import { brokenRules, mutationsOf } from './mutations';

/** Breakages that change nothing. */
const EQUIVALENT: Readonly<Record<string, string>> = {
  'Add 0: formula of input 1': 'both operands of a sum have the same gradient',
  'Add 1: formula of input 0': 'both operands of a sum have the same gradient',
  ...Object.fromEntries(
    [0, 1, 2].map((input) => [
      `LayerNormalization ${input}: attribute axis ignored`,
      'the rule refuses every axis but the last, which is the default',
    ]),
  ),
};

describe('gradient table catches every breakage of', () => {
  for (const operator of Object.keys(GRADIENT_RULES)) {
    it(operator, async () => {
      const seen = new Set<string>();
      const caught = new Set<string>();
      for (const row of GRADIENT_TABLE) {
        if (row.operator !== operator || row.domains.includes('atKink')) continue;
        const sample = sampleOf(row);
        const mutations = (await mutationsOf(row, sample)).filter(({ name }) => !caught.has(name));
        const derivatives = await numericDerivatives(row);
        const results = await analyticGradients(
          row,
          sample,
          mutations.map((mutation) => (graph) => brokenRules(row, graph, mutation)),
        );
        mutations.forEach(({ name }, i) => {
          const gradients = results[i];
          seen.add(name);
          if (gradients instanceof Error || disagreement(row, sample, gradients, derivatives)) caught.add(name);
        });
      }
      const survivors = [...seen].filter((name) => !caught.has(name)).map((name) => `${operator} ${name}`);
      assert.deepEqual(
        survivors.filter((name) => !(name in EQUIVALENT)),
        [],
      );
      assert.ok(seen.size >= 3, 'too few breakages to be a test');
    });
  }

  it('each operand that broadcasts', async () => {
    for (const operator of ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max']) {
      const names = new Set<string>();
      for (const row of GRADIENT_TABLE.filter((r) => r.operator === operator && !r.domains.includes('atKink'))) {
        for (const { name } of await mutationsOf(row, sampleOf(row))) names.add(name);
      }
      for (const input of [0, 1])
        assert.ok(names.has(`${input}: first repeat instead of the sum`), `${operator} ${input}`);
    }
  });
});
