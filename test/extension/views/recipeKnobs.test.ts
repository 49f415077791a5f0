import assert from 'node:assert/strict';
import { applyEdits } from 'jsonc-parser';
import { MedTextError } from '../../../src/base/errors';
import { untranslated as t } from '../../../src/base/translate';
import { knobFields, type KnobField } from '../../../src/protocol/trainingView';
import { recipeChanges, shownRecipeOf } from '../../../src/extension/views/recipeKnobs';

const recipe = `{
    "task": "sentence-similarity",
    "model": "m",
    "dataset": { "train": { "file": "a.json" } },
    "train": {
        "batch_size":   8,
        "optimizer": { "lr": 2e-5 }
    }
}
`;
const names = { id: '/w/a', name: 'a', path: 'a' };
const edited = (field: KnobField, value: string, text = recipe): string =>
  applyEdits(text, [...recipeChanges(text, field, value, t)]);
const refused = (error: MedTextError): boolean => error instanceof MedTextError && error.code === 'RECIPE';

describe('knobs of a recipe', () => {
  it('shows what is given, and the default of what is not', () => {
    const { knobs, problem, task, train, validation } = shownRecipeOf(recipe, names, t);
    const by = Object.fromEntries(knobs.map(({ field, value, isDefault }) => [field, [value, isDefault]]));
    assert.deepEqual(by['train.batch_size'], ['8', false]);
    assert.deepEqual(by['train.optimizer.lr'], ['2e-5', false]);
    assert.deepEqual(by['train.max_length'], ['auto', true]);
    assert.deepEqual(by['train.dropout'], ['', true]);
    assert.deepEqual([problem, task, train, validation], [null, 'sentence-similarity', 'a.json', null]);
  });

  it('knows every field: each has a place in the schema', () => {
    for (const { field, value } of shownRecipeOf(recipe, names, t).knobs) {
      assert.ok(value !== '' || field === 'train.dropout', field);
    }
    assert.equal(shownRecipeOf(recipe, names, t).knobs.length, knobFields.length);
  });

  it('replaces a value and touches nothing else, a number as it was typed', () => {
    assert.equal(edited('train.batch_size', '32'), recipe.replace('  8', '  32'));
    assert.equal(edited('train.optimizer.lr', '5e-5'), recipe.replace('2e-5', '5e-5'));
  });

  it('refuses a length that the model does not read, at the field', () => {
    const changes = (value: string) => recipeChanges(recipe, 'train.max_length', value, t, (model) => (model === 'm' ? 512 : undefined)); // prettier-ignore
    assert.throws(() => changes('513'), refused);
    assert.equal(changes('512').length, 1);
    assert.equal(changes('auto').length, 1);
  });

  it('adds a value in the file’s own indentation, and takes one out', () => {
    const added = edited('train.seed', '7');
    assert.match(added, /\n {8}"seed": 7\n {4}\}/);
    assert.deepEqual(JSON.parse(added).train.seed, 7);
    assert.match(edited('train.optimizer.weight_decay', '1e-3'), /"weight_decay": 1e-3/);
    assert.equal(JSON.parse(edited('train.batch_size', '')).train.batch_size, undefined);
    assert.equal(edited('train.seed', ''), recipe);
  });

  it('reads and writes what becomes of rows that cannot be read, whose default a definition of the schema has', () => {
    const knob = (text: string) => shownRecipeOf(text, names, t).knobs.find(({ field }) => field === 'dataset.train.on_bad_row'); // prettier-ignore
    const [before, skipping] = [knob(recipe)!, edited('dataset.train.on_bad_row', 'skip')];
    assert.deepEqual([before.value, before.isDefault], ['stop', true]);
    assert.equal(JSON.parse(skipping).dataset.train.on_bad_row, 'skip');
    const { help, ...rest } = knob(skipping)!;
    assert.deepEqual(rest, { field: 'dataset.train.on_bad_row', value: 'skip', isDefault: false });
    assert.match(help, /skip/);
    assert.throws(() => recipeChanges(recipe, 'dataset.train.on_bad_row', 'keep', t), (error: MedTextError) => error.code === 'RECIPE'); // prettier-ignore
  });

  it('makes the object around a field, with the line ends of the file', () => {
    const bare = '{\r\n\t"task": "regression",\r\n\t"model": "m",\r\n\t"dataset": {"train": {"file": "a"}}\r\n}\r\n';
    const text = edited('train.optimizer.lr', '3e-5', bare);
    assert.equal(JSON.parse(text).train.optimizer.lr, 3e-5);
    assert.doesNotMatch(text, /[^\r]\n/);
    assert.match(text, /\t"train"/);
  });

  it('refuses values that do not fit and leaves a broken recipe alone', () => {
    assert.throws(() => recipeChanges(recipe, 'train.batch_size', '0', t), refused);
    assert.throws(() => recipeChanges(recipe, 'train.max_epochs', 'many', t), refused);
    assert.throws(() => recipeChanges(recipe, 'device', 'abacus', t), refused);
    assert.throws(() => recipeChanges('{"train": ', 'train.seed', '1', t), refused);
  });

  it('edits a field although another one is wrong', () => {
    const wrong = recipe.replace('  8', '  "x"');
    assert.ok(shownRecipeOf(wrong, names, t).problem?.includes('batch_size'));
    assert.match(edited('train.seed', '5', wrong), /"seed": 5/);
  });

  it('shows a broken recipe with the line of the mistake', () => {
    const { problem, knobs } = shownRecipeOf('{\n"task": "regression",\n "model" 1', names, t);
    assert.match(problem!, /line 3/);
    assert.equal(knobs.length, knobFields.length);
    for (const text of ['', 'null', '[]', '7', '{"train": 3}', '{"dataset": null, "__proto__": {}}']) {
      assert.notEqual(shownRecipeOf(text, names, t).problem, null, text);
    }
  });
});
