import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRecipeText, readRecipeFile } from '../../src/recipes/recipeFile';

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

  it('says where it is not JSON', async () => {
    const file = join(folder, 'a.medtext.json');
    writeFileSync(file, '{\n  "model": m\n}');
    await assert.rejects(readRecipeFile(file), { code: 'RECIPE', message: /line 2, column 12: not valid JSON/ });
    for (const text of ['[]', '3', '', 'null']) assert.throws(() => parseRecipeText(text, 'it'), { code: 'RECIPE' });
    const missing = join(folder, 'none');
    await assert.rejects(readRecipeFile(missing), { code: 'NOT_FOUND', message: `${missing} does not exist.` });
    writeFileSync(file, Buffer.alloc(5 << 20, 32));
    await assert.rejects(readRecipeFile(file), { code: 'RECIPE', message: /is not a recipe/ });
    assert.throws(() => parseRecipeText('['.repeat(1_000_000), 'it'), { code: 'RECIPE' });
  });
});
