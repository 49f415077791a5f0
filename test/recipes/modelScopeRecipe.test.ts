import assert from 'node:assert/strict';
import { mergeRecipes, resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { isModelScopeConfiguration, recipeFromModelScope } from '../../src/recipes/modelScopeRecipe';

/** In the layout of the sentence-similarity recipe of ModelScope's StructBERT. */
const configuration = {
  framework: 'pytorch',
  task: 'sentence-similarity',
  preprocessor: { type: 'sen-sim-tokenizer', max_length: 128 },
  model: { type: 'structbert' },
  dataset: { train: { labels: ['0', '1', '2'], first_sequence: 'query1', second_sequence: 'query2', label: 'label' } },
  train: {
    work_dir: '/tmp',
    max_epochs: 5,
    dataloader: { batch_size_per_gpu: 32, workers_per_gpu: 0 },
    optimizer: { type: 'AdamW', lr: 2e-5, options: {} },
    lr_scheduler: {
      type: 'LinearLR',
      start_factor: 1.0,
      end_factor: 0.0,
      total_iters: 2340,
      options: { by_epoch: false },
    },
    hooks: [{ type: 'EvaluationHook', by_epoch: false, interval: 100 }],
  },
  evaluation: { dataloader: { batch_size_per_gpu: 32 } },
};
const recipe = { task: 'sentence-similarity', model: 'm', dataset: { train: { file: 'f' } } } as const;

function changed(change: (configuration: any) => void) {
  const copy = structuredClone(configuration);
  change(copy);
  const { recipe: defaults, notes } = recipeFromModelScope(copy);
  return { ...resolveRecipe(validateRecipe(mergeRecipes(defaults, recipe), 'it')), defaults, notes };
}

describe('ModelScope configuration as defaults', () => {
  it('means what its trainer does', () => {
    const { train, dataset, notes } = changed(() => {});
    assert.deepEqual(dataset.train.labels, ['0', '1', '2']);
    assert.equal(dataset.train.second_sequence, 'query2');
    assert.equal(train.max_epochs, 5);
    assert.equal(train.batch_size, 32);
    assert.equal(train.max_length, 128);
    assert.deepEqual(train.optimizer, {
      type: 'AdamW',
      lr: 2e-5,
      weight_decay: 0.01,
      betas: [0.9, 0.999],
      eps: 1e-8,
      no_decay: [],
    });
    assert.deepEqual(train.lr_scheduler, { type: 'linear', warmup: 0, total_iters: 2340 });
    assert.equal(train.max_grad_norm, null);
    assert.equal(train.evaluate_every, 100);
    assert.equal(train.early_stopping, null);
    assert.deepEqual(
      notes.map((note) => note.split(' ')[0]),
      ['train.lr_scheduler.total_iters', 'train.work_dir'],
    );
  });

  it('gives way to what the recipe says', () => {
    const { recipe: defaults } = recipeFromModelScope(configuration);
    const merged = mergeRecipes(defaults, {
      ...recipe,
      train: { optimizer: { lr: 1e-3 }, lr_scheduler: { total_iters: null } },
    });
    const { train } = resolveRecipe(validateRecipe(merged, 'it'));
    assert.equal(train.optimizer.lr, 1e-3);
    assert.deepEqual(train.optimizer.no_decay, []);
    assert.equal(train.lr_scheduler.total_iters, null);
  });

  it('leaves out placeholders and what has no counterpart, and says so', () => {
    const { train, notes, defaults } = changed((json) => {
      json.task = 'fill-mask';
      json.train.optimizer = { type: 'SGD', lr: 0.01 };
      json.train.lr_scheduler = { type: 'StepLR', step_size: 2 };
    });
    assert.equal(train.optimizer.lr, 3e-5);
    assert.equal(train.lr_scheduler.warmup, 0.1);
    assert.equal(defaults.task, undefined);
    const text = notes.join('\n');
    for (const word of ['"SGD"', '"StepLR"', '"fill-mask"']) assert.ok(text.includes(word), word);
  });

  it('does not take epochs for steps', () => {
    const { train, notes } = changed((json) => (json.train.lr_scheduler.options = {}));
    assert.equal(train.lr_scheduler.total_iters, null);
    assert.match(notes.join('\n'), /by epoch there/);
  });

  it('knows clipping, warm-up, evaluation, best metric and early stopping', () => {
    const { train } = changed((json) => {
      json.train.optimizer.options = { grad_clip: { max_norm: 2 }, cumulative_iters: 4 };
      json.train.lr_scheduler.options.warmup = { type: 'LinearWarmup', warmup_iters: 50 };
      json.train.hooks = [{ type: 'EarlyStopHook', metric_key: 'macro-f1', patience: 7, min_delta: 0.01 }];
      json.evaluation.period = { by_epoch: true, interval: 1 };
    });
    assert.equal(train.max_grad_norm, 2);
    assert.equal(train.gradient_accumulation, 4);
    assert.equal(train.lr_scheduler.warmup, 50);
    assert.equal(train.evaluate_every, 'epoch');
    assert.equal(train.metric_for_best, 'macroF1');
    assert.deepEqual(train.early_stopping, { patience: 7, min_delta: 0.01 });
  });

  it('survives fields of any shape', () => {
    const shapes: unknown[] = [null, 3, -1, 1.5, 'x', [], [null], {}, { type: 'AdamW' }, true];
    const paths = [
      ['train'],
      ['train', 'optimizer'],
      ['train', 'optimizer', 'lr'],
      ['train', 'optimizer', 'options'],
      ['train', 'lr_scheduler'],
      ['train', 'lr_scheduler', 'options'],
      ['train', 'lr_scheduler', 'total_iters'],
      ['train', 'hooks'],
      ['train', 'max_epochs'],
      ['dataset'],
      ['dataset', 'train'],
      ['dataset', 'train', 'labels'],
      ['dataset', 'train', 'label'],
      ['preprocessor'],
      ['preprocessor', 'max_length'],
      ['evaluation'],
      ['task'],
    ];
    for (const path of paths) {
      for (const shape of shapes) {
        changed((json) => {
          const parent = path.slice(0, -1).reduce((value, key) => value[key], json);
          parent[path[path.length - 1]] = shape;
        });
      }
    }
    assert.throws(() => recipeFromModelScope([]), { code: 'RECIPE' });
  });

  it('is told from a recipe', () => {
    assert.ok(isModelScopeConfiguration(configuration));
    assert.ok(!isModelScopeConfiguration(recipe));
    assert.ok(!isModelScopeConfiguration(null));
  });
});
