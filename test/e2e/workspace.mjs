// A throw-away workspace made from the bundled samples.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Sample pairs, a tiny encoder, two recipes (quick and long) and a note in a folder of their own. */
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
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }) };
}

function recipe(train) {
  return {
    task: 'sentence-similarity',
    model: 'encoder',
    dataset: { train: { file: 'data/pairs-train.json' }, validation: { file: 'data/pairs-dev.json' } },
    train: { batch_size: 16, seed: 1, optimizer: { lr: 0.001 }, ...train },
    device: 'cpu',
  };
}
