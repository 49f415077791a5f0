/** What is learned is data and objects: nothing outside asks for a task by its name. */
import assert from 'node:assert/strict';
import { TASKS } from '../../src/protocol/tasks';
import { sourceFiles, withoutComments } from './sourceGraph';

const names = TASKS.flatMap(({ id, aliases }) => [id, ...aliases]).join('|');
/** `x.task === 'regression'`, `case 'regression':`; not the scale or the problem type, which share a name with a task. */
const branch = new RegExp(`^(?!.*(?:measure|problemType)\\b).*(?:[=!]==\\s*|\\bcase\\s+)'(?:${names})'`, 'm');

describe('tasks', () => {
  it('are told apart by the table, not by their names', () => {
    const branching = [...sourceFiles('src'), ...sourceFiles('webview')]
      .filter(({ text }) => branch.test(withoutComments(text)))
      .map(({ path }) => path);
    assert.deepEqual(branching, [
      'src/exports/exportCard.ts', // the hubs' names of what an export is for
    ]);
  });

  it('would be found where they are told apart by name', () => {
    assert.match(`if (recipe.task === 'regression') {`, branch);
    assert.match(`    case 'pair-classification':`, branch);
    assert.doesNotMatch(`if (problemType === 'regression')`, branch);
  });
});
