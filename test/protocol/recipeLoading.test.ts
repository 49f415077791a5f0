import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

describe('recipe: loading', () => {
  it('loads the validator with the first check, not with the module', () => {
    const script = `
      const isLoaded = () => Object.keys(require.cache).some((path) => /node_modules.ajv/.test(path));
      const { recipeProblems } = require(${JSON.stringify(resolve('src/protocol/recipe.ts'))});
      const before = isLoaded();
      const problems = recipeProblems({}).length;
      console.log(JSON.stringify([before, isLoaded(), problems > 0]));`;
    const said = execFileSync(process.execPath, ['--require', 'tsx/cjs', '--eval', script], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(said), [false, true, true]);
  });
});
