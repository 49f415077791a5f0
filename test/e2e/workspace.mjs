// A throw-away workspace made from the bundled samples.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a folder with sample pairs, a tiny encoder, two recipes (quick and long) and a note. */
export function makeWorkspace() {
  const folder = mkdtempSync(join(tmpdir(), 'medtext-workspace-'));
  cpSync('samples/structbert-tiny', join(folder, 'encoder'), { recursive: true });
  mkdirSync(join(folder, 'data'));
  const rows = (split, count) =>
    JSON.parse(readFileSync(`samples/medical-pairs/${split}.json`, 'utf8')).slice(0, count);
  const write = (name, value) => writeFileSync(join(folder, name), `${JSON.stringify(value, undefined, 1)}\n`);
  write('data/pairs-train.json', rows('train', 320));
  write('data/pairs-dev.json', rows('validation', 64));
  write('quick.medtext.json', recipe({ max_epochs: 1 }));
  write('long.medtext.json', recipe({ max_epochs: 5000 }));
  writeFileSync(join(folder, 'note.txt'), '高血压怎么治疗？\n高血压吃什么药好。感冒了要多喝水；白内障手术多少钱！\n');
  return { folder, remove: () => rmSync(folder, removal) };
}

/** Makes a folder with the bundled samples and a note whose sentences the small encoder has learnt to compare. */
export function makeShowcase() {
  const folder = join(mkdtempSync(join(tmpdir(), 'medtext-workspace-')), 'medical-text');
  for (const name of ['structbert-tiny', 'medical-pairs', 'departments', 'medical-pairs.medtext.json'])
    cpSync(join('samples', name), join(folder, name), { recursive: true });
  const recipe = join(folder, 'medical-pairs.medtext.json');
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('../runs', 'runs'));
  writeFileSync(
    join(folder, '问题.md'),
    [
      ...['# 骨密度', '', '骨密度对身体有害吗？', '做骨密度伤身体吗？怀孕可以做骨密度吗？', '做骨密度有没有辐射？'],
      ...['做骨密度多少钱？', '', '# 尿酸', '', '如何降尿酸？', '尿酸偏高怎么降？尿酸高吃什么药？'],
      ...['尿酸高不能吃什么？尿酸高挂什么科？', ''],
    ].join('\n'),
  );
  return { folder, remove: () => rmSync(join(folder, '..'), removal) };
}

const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 200 };

function recipe(train) {
  return {
    task: 'sentence-similarity',
    model: 'encoder',
    dataset: { train: { file: 'data/pairs-train.json' }, validation: { file: 'data/pairs-dev.json' } },
    train: { batch_size: 16, seed: 1, optimizer: { lr: 0.001 }, ...train },
    device: 'cpu',
  };
}
