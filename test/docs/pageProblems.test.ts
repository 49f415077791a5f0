/** The written pages hold together; and what would not is found. Their commands are run by npm run docs:check. */
import assert from 'node:assert/strict';
import { commandsOf, pageProblems, readPages, slugOf } from '../../scripts/docs/pageProblems';

describe('the pages of the documentation', () => {
  it('lead somewhere, mark what their commands need, and say the same in both languages', () => {
    assert.deepEqual(pageProblems(readPages()), []);
  });

  /** A pair of pages without a problem, and what is changed in it. */
  const found = (english: string, chinese = english, more: [string, string][] = []): string[] =>
    pageProblems(
      new Map([['README.md', ''], ['README.zh-cn.md', ''], ['docs/en/a.md', english], ['docs/zh-cn/a.md', chinese], ...more]), // prettier-ignore
      () => false,
    );

  it('are checked: links and their headings', () => {
    assert.deepEqual(found('# A\n\n## Two words\n\n[x](a.md#two-words) [y](https://z.org)\n'), []);
    assert.deepEqual(found('[x](b.md)', ''), ['docs/en/a.md: b.md leads nowhere']);
    assert.deepEqual(found('# A\n\n[x](#b)', '# A'), ['docs/en/a.md: #b names no heading of docs/en/a.md']);
    assert.equal(slugOf('NOT_FOUND'), 'not_found');
    assert.equal(slugOf('CUDA 的库'), 'cuda-的库');
    assert.equal(slugOf("CUDA's libraries"), 'cudas-libraries');
  });

  it('are checked: commands, and what they need', () => {
    const block = (line: string) => `\`\`\`sh\n${line}\n\`\`\`\n`;
    assert.deepEqual(found(block('medtext data a.json')), []);
    assert.deepEqual(found(block('medtext data a.json   # needs: corpus')), []);
    assert.match(found(block('npm start')).join(), /only medtext is run here/);
    assert.match(found(block('medtext data a.json   # needs: luck')).join(), /needs: luck: not one of/);
    assert.deepEqual(commandsOf('1. x\n\n   ```sh\n   medtext a  # needs: hub\n   medtext b\n   ```\n'), [{ command: 'medtext a', needs: 'hub' }, { command: 'medtext b' }]); // prettier-ignore
    assert.deepEqual(commandsOf(block('npm test  # needs: minutes. All of it')), [{ command: 'npm test', needs: 'minutes' }]); // prettier-ignore
  });

  it('are checked: recipes', () => {
    const recipe = (model: string) => `\`\`\`json\n{ "task": "regression", ${model}: "m", "dataset": { "train": { "file": "f" } } }\n\`\`\`\n`; // prettier-ignore
    assert.deepEqual(found(recipe('"model"')), []);
    assert.match(found(recipe('"modle"')).join(), /modle/);
  });

  it('are checked: what one language lacks', () => {
    assert.match(found('# A', '# A', [['docs/en/b.md', '']]).join(), /there is no docs\/zh-cn\/b.md/);
    assert.match(found('# A', '# A', [['docs/zh-cn/b.md', '']]).join(), /there is no docs\/en\/b.md/);
    assert.match(found('# A\n\n## B', '# A').join(), /headings differ/);
    assert.match(found('| a |\n| --- |\n| b |', '| a |\n| --- |').join(), /other rows/);
    assert.match(found('```sh\nmedtext a\n```', '```sh\nmedtext b\n```').join(), /commands differ/);
    assert.match(found('```json\n{"a":1}\n```', '```json\n{"a":2}\n```').join(), /JSON differs/);
    assert.deepEqual(found('```json\n{"a":"…"}\n```', '```json\n{"a":"…同上"}\n```'), []);
  });

  it('are checked: a README that is too long to be read', () => {
    const pages = new Map([['README.md', 'a\n'.repeat(201)], ['README.zh-cn.md', '']]); // prettier-ignore
    assert.match(pageProblems(pages).join(), /README.md: 202 lines/);
  });
});
