import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recipeProblems } from '../../src/protocol/recipe';
import {
  changedRecipeText,
  locateInRecipe,
  parseRecipeText,
  readRecipeFile,
  updateRecipeFile,
  writeRecipeFile,
} from '../../src/recipes/recipeFile';

const written = `\ufeff{\r
\t// what we tried first\r
\t"model": "m", "task": "regression",\r
\t"train": { "seed": 1, /* higher than usual */ "optimizer": {"lr": 1e-4} },\r
\t"dataset": { "train": { "file": "a/b.csv", "label_mapping": { "x/y": 0 } } },\r
}\r
`;

describe('recipe file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-recipe-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads comments, trailing commas and a byte order mark', () => {
    assert.equal(parseRecipeText(written, 'it').train!.optimizer!.lr, 1e-4);
  });

  it('changes the fields and nothing else', () => {
    const text = changedRecipeText(written, [
      { path: ['train', 'optimizer', 'lr'], value: 0.00002 },
      { path: ['train', 'seed'], value: 7 },
    ]);
    assert.equal(text, written.replace('1e-4', '0.00002').replace('"seed": 1', '"seed": 7'));
    assert.deepEqual(changedRecipeText(text, []), text);
  });

  it('adds and removes fields in the indentation and with the line ends in use', () => {
    const text = '{\n    "model": "m",\n    "device": "cpu"\n}\n';
    assert.equal(
      changedRecipeText(text, [
        { path: ['train', 'seed'], value: 7 },
        { path: ['device'], value: undefined },
      ]),
      '{\n    "model": "m",\n    "train": {\n        "seed": 7\n    }\n}\n',
    );
    const added = changedRecipeText(written, [{ path: ['device'], value: 'cpu' }]);
    assert.ok(!/[^\r]\n/.test(added) && added.startsWith('\ufeff{\r\n\t//'));
    assert.equal(parseRecipeText(added, 'it').device, 'cpu');
  });

  it('is written and updated as a whole, with no other file left behind', async () => {
    const file = join(folder, 'a.medtext.json');
    await writeRecipeFile(file, { task: 'regression', model: 'm', dataset: { train: { file: 'f' } } });
    await updateRecipeFile(file, [{ path: ['model'], value: '模型' }]);
    assert.deepEqual(await readRecipeFile(file), {
      task: 'regression',
      model: '模型',
      dataset: { train: { file: 'f' } },
    });
    assert.deepEqual(readdirSync(folder), ['a.medtext.json']);
  });

  it('says where it is not JSON and leaves such a file alone', async () => {
    const file = join(folder, 'a.medtext.json');
    writeFileSync(file, '{\n  "model": m\n}');
    await assert.rejects(readRecipeFile(file), { code: 'RECIPE', message: /line 2, column 12: not valid JSON/ });
    await assert.rejects(updateRecipeFile(file, [{ path: ['model'], value: 'x' }]), { code: 'RECIPE' });
    assert.equal(readFileSync(file, 'utf8'), '{\n  "model": m\n}');
    for (const text of ['[]', '3', '', 'null']) assert.throws(() => parseRecipeText(text, 'it'), { code: 'RECIPE' });
    await assert.rejects(readRecipeFile(join(folder, 'none')), { code: 'NOT_FOUND' });
    writeFileSync(file, Buffer.alloc(5 << 20, 32));
    await assert.rejects(readRecipeFile(file), { code: 'RECIPE', message: /is no recipe/ });
    assert.throws(() => parseRecipeText('['.repeat(1_000_000), 'it'), { code: 'RECIPE' });
  });

  it('finds the place of a problem, or of what is around it', () => {
    const [problem] = recipeProblems(parseRecipeText(written, 'it'));
    assert.equal(problem.pointer, '/dataset/train/label_mapping/x~1y');
    assert.deepEqual(locateInRecipe(written, problem.pointer), { line: 5, column: 64 });
    assert.deepEqual(locateInRecipe(written, '/train/optimizer/eps'), { line: 4, column: 48 });
    assert.deepEqual(locateInRecipe(written, ''), { line: 1, column: 1 });
    assert.deepEqual(locateInRecipe('', '/x'), { line: 1, column: 1 });
  });
});
