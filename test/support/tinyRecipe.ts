import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from '../../src/protocol/recipe';

const samples = join(__dirname, '../../samples');

/** Writes 64 training and 24 validation pairs to `folder`, with a recipe for a two-layer encoder that trains in a tenth of a second. */
export function tinyRecipe(folder: string, changes: Partial<Recipe['train']> = {}, more: Partial<Recipe> = {}): Recipe {
  const rows = (name: string, count: number) => {
    const all = JSON.parse(readFileSync(join(samples, `medical-pairs/${name}.json`), 'utf8')) as { label: string }[];
    const perLabel = ['0', '1', '2'].map((label) => all.filter((row) => row.label === label).slice(0, count / 2));
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(Array.from({ length: count }, (_, i) => perLabel[i % 3][Math.floor(i / 3)])));
    return { file, first_sequence: 'query1', second_sequence: 'query2', label: 'label', labels: ['0', '1', '2'] };
  };
  const model = join(folder, 'encoder');
  if (!existsSync(model)) {
    cpSync(join(samples, 'structbert-tiny'), model, { recursive: true });
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    const small = { ...config, hidden_size: 32, num_attention_heads: 2, intermediate_size: 64 };
    writeFileSync(join(model, 'config.json'), JSON.stringify(small));
  }
  return {
    task: 'sentence-similarity',
    model,
    dataset: { train: rows('train', 64), validation: { file: rows('validation', 24).file } },
    train: {
      max_epochs: 2,
      batch_size: 8,
      optimizer: { lr: 1e-3 },
      evaluate_every: 4,
      early_stopping: null,
      seed: 3,
      ...changes,
    },
    work_dir: join(folder, 'runs'),
    ...more,
  };
}
