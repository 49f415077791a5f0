/** What is learned is data and objects: nothing outside asks for a task by its name. */
import assert from 'node:assert/strict';
import { MEASURES } from '../../src/protocol/scores';
import { ANSWER_KINDS, TASKS } from '../../src/protocol/tasks';
import { sourceFiles, withoutComments } from './sourceGraph';

const allNames = TASKS.flatMap(({ id, aliases }): string[] => [id, ...aliases]);
const names = allNames.join('|');
/** `x.task === 'regression'`, `case 'regression':`; not the scale, the problem type or the kind of a comparison, which share a name with a task. */
const branch = new RegExp(
  `^(?!.*(?:measure|problemType|comparison)\\b).*(?:[=!]==\\s*|\\bcase\\s+)'(?:${names})'`,
  'm',
);

/** `answer === 'labels'`, `score.measure !== 'cosine'`; not the measures of a preview's columns. */
const kindBranch = new RegExp(
  `\\b(?:answer|measure)\\s*[=!]==\\s*'(?:${[...ANSWER_KINDS, ...Object.keys(MEASURES)].join('|')})'`,
);

/** `'token-classification': tokenHead`, `task === 'text-ranking'`. `regression` and `ranking` name other things, too. */
const named = new RegExp(`'(?:${allNames.filter((name) => name.includes('-')).join('|')})'`);

/** `Record<AnswerKind, …>`, `Record<TaskName, …>`, `[kind in AnswerKind]`. */
const kindTable = /\bRecord<(?:AnswerKind|TaskName)\b|\bin (?:AnswerKind|TaskName)\]/;

/** The files with such a text beside the tables: src/tasks, and the protocol's of tasks, answers, scores and reports. */
const outsideTheTables = (text: RegExp): readonly string[] =>
  [...sourceFiles('src'), ...sourceFiles('webview')]
    .filter((file) => !/^src\/(?:tasks\/|protocol\/(?:tasks|answers|scores|evaluation)\.ts)/.test(file.path))
    .filter((file) => text.test(withoutComments(file.text)))
    .map(({ path }) => path);

describe('tasks', () => {
  it('are told apart by the table, not by their names', () => {
    const branching = [...sourceFiles('src'), ...sourceFiles('webview')]
      .filter(({ text }) => branch.test(withoutComments(text)))
      .map(({ path }) => path);
    assert.deepEqual(branching, []);
  });

  it('are named by none but the tables, and by what speaks of the names of others', () => {
    assert.deepEqual(outsideTheTables(named), [
      'src/exports/exportCard.ts', // the hubs' names of what an encoder is for, and of folders that name no task
      'src/extension/recipe/recipeDraft.ts', // the recipe of the command that continues a pretraining
      'src/models/heads/heads.ts', // ModelScope's tasks, in folders of its own
      'src/models/writeModelFolder.ts', // ModelScope's preprocessors
      'src/protocol/labelsFile.ts', // any task with labels, to check a list of labels by the recipe's rules
      'src/recipes/modelScopeRecipe.ts', // ModelScope's tasks, in its own recipes
    ]);
    for (const text of [`const PARTS = { 'token-classification': one };`, `OF_TASK['text-ranking']`])
      assert.match(text, named);
  });

  it('leave the room of a run small: at most twenty files beside its rooms of texts and of forecasts', () => {
    const files = sourceFiles('src/training').filter(({ path }) => /^src\/training\/[^/]+$/.test(path));
    assert.ok(files.length <= 20, `${files.length} files in src/training`);
  });

  it('have no table by their kinds elsewhere, which a further kind would have to know', () => {
    assert.deepEqual(outsideTheTables(kindTable), [
      'src/cli/evaluationText.ts', // a report as text for a terminal: no page and no card needs it
      'src/extension/views/pythonScript.ts', // what transformers' Trainer does by itself: a further kind needs no row
    ]);
    for (const text of [`const TEXTS: Record<AnswerKind, string> = {`, `Partial<Record<AnswerKind, Words>>`, `{ [kind in AnswerKind]: Words }`]) assert.match(text, kindTable); // prettier-ignore
  });

  it('are told apart by the tables of answers and of measures, not by their kinds', () => {
    const branching = [...sourceFiles('src'), ...sourceFiles('webview')]
      .filter(({ text }) => kindBranch.test(withoutComments(text)))
      .map(({ path }) => path);
    assert.deepEqual(branching, [
      'src/models/similarityReference.ts', // checks what a file says of itself
    ]);
    for (const text of [
      `if (answer !== 'labels') {`,
      `measure === 'cosine' ?`,
      `describeTask(task).answer === 'number'`,
    ])
      assert.match(text, kindBranch);
    assert.doesNotMatch(`sort.measure === 'tokens'`, kindBranch);
  });

  it('would be found where they are told apart by name', () => {
    assert.match(`if (recipe.task === 'regression') {`, branch);
    assert.match(`    case 'pair-classification':`, branch);
    assert.doesNotMatch(`if (problemType === 'regression')`, branch);
  });
});
