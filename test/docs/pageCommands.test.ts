/** What npm run docs:check runs of the pages. */
import assert from 'node:assert/strict';
import { pageCommands, secondsLeft, shorter } from '../../scripts/docs/pageCommands';

const page = (...commands: string[]) => ['```sh', ...commands, '```', ''].join('\n');

describe('the commands of the pages', () => {
  const pages = new Map([
    ['README.md', page('medtext doctor')],
    ['README.zh-cn.md', page('medtext doctor')],
    ['docs/en/data.md', page('medtext data a.csv')],
    ['docs/zh-cn/data.md', page('medtext data b.csv')],
    ['docs/en/faq.md', 'No command.'],
    ['docs/zh-cn/faq.md', '没有命令。'],
  ]);
  const found = (...wanted: string[]) => pageCommands(pages, wanted).map(({ paths, commands }) => [paths.join(), commands.map(({ command }) => command).join()]); // prettier-ignore

  it('are run once where both languages have the same, and in each where they differ', () => {
    assert.deepEqual(found(), [
      ['README.md,README.zh-cn.md', 'medtext doctor'],
      ['docs/en/data.md', 'medtext data a.csv'],
      ['docs/zh-cn/data.md', 'medtext data b.csv'],
      ['docs/en/faq.md,docs/zh-cn/faq.md', ''],
    ]);
  });

  it('are those of the pages that are named, by a path or a name', () => {
    assert.deepEqual(found('README.zh-cn.md'), [['README.md,README.zh-cn.md', 'medtext doctor']]);
    assert.deepEqual(found('data').length, 2);
    assert.deepEqual(found('docs/zh-cn/data.md'), [['docs/zh-cn/data.md', 'medtext data b.csv']]);
    assert.throws(() => found('data', 'tusks'), /no such page: tusks/);
  });

  it('train one epoch', () => {
    for (const [written, run] of [
      ['medtext finetune --model m --train t --epochs 2 --lr 1e-3', 'medtext finetune --model m --train t --epochs 1 --lr 1e-3'],
      ['medtext finetune r.json --set device=cpu', 'medtext finetune r.json --set device=cpu --set train.max_epochs=1'],
      ['medtext finetune r.json --set train.max_epochs=12 --yes', 'medtext finetune r.json --set train.max_epochs=1 --yes'],
      ['medtext finetune r.json --estimate', 'medtext finetune r.json --estimate'],
      ['medtext data a.csv', 'medtext data a.csv'],
    ]) assert.equal(shorter(written), run); // prettier-ignore
  });

  it('take as long as before, at the pace of those that are done', () => {
    const [known, unknown] = [{ command: 'medtext finetune a', seconds: 4 }, { command: 'medtext finetune b' }];
    assert.equal(secondsLeft([], [known, unknown], 0), 14);
    assert.equal(secondsLeft([known], [known, unknown, { command: 'medtext data' }], 8), 2 * (4 + 10 + 2));
  });
});
