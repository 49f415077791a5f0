import assert from 'node:assert/strict';
import { mergeRecipes, resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { configurationJson } from '../../src/models/writeModelFolder';
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
    assert.deepEqual(train.lr_scheduler, {
      type: 'linear',
      warmup: 0,
      total_iters: 2340,
      warmup_type: 'linear',
      warmup_start: 0,
      eta_min: 0,
      decay_from: 'warmup',
    });
    assert.equal(train.seed, 42);
    assert.equal(train.max_grad_norm, null);
    assert.equal(train.evaluate_every, 100);
    assert.equal(train.early_stopping, null);
    assert.deepEqual(
      notes.map((note) => note.split(' ')[0]),
      ['train.lr_scheduler.total_iters', 'train.seed', "ModelScope's", 'train.work_dir'],
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

  it('takes labels by their ids, and order and rest of the batches as the file says', () => {
    const { train, dataset, notes } = changed((json) => {
      delete json.dataset;
      json.model.label2id = { 不同: 1, 相同: 0 };
      json.train.dataloader.shuffle = false;
      json.train.dataloader.drop_last = true;
      json.train.seed = 7;
      json.train.checkpoint = { best: { metric_key: 'accuracy' } };
    });
    assert.deepEqual(dataset.train.labels, ['相同', '不同']);
    assert.deepEqual([train.shuffle, train.drop_last, train.seed], [false, true, 7]);
    assert.deepEqual(notes.map((note) => note.split(' ')[0]), ['train.lr_scheduler.total_iters', 'train.work_dir']); // prettier-ignore
    const { dataset: listed } = changed((json) => (json.preprocessor.label2id = { x: 0, y: 1, z: 2 }));
    assert.deepEqual(listed.train.labels, ['0', '1', '2'], 'dataset.train.labels come first');
    const { dataset: gap } = changed((json) => ((json.dataset = {}), (json.model.label2id = { a: 0, b: 2 })));
    assert.equal(gap.train.labels, undefined);
  });

  it('names each setting that it does not do, and none that it does', () => {
    const { notes } = changed((json) => {
      json.train.train_iters_per_epoch = 10;
      json.train.use_fp16 = true;
      json.train.optimizer.amsgrad = true;
      json.train.optimizer.foreach = false;
      json.train.optimizer.options = { grad_clip: { max_norm: 1, norm_type: 1 } };
      json.train.lr_scheduler.verbose = true;
      json.train.hooks.push({ type: 'TorchAMPOptimizerHook' }, { type: 'SparsityHook' }, { type: 'TextLoggerHook' });
      json.train.lora = { r: 8 };
      json.evaluation.dataloader.drop_last = true;
      json.preprocessor.keep_original_columns = ['id'];
      json.dataset.name = 'clue';
    });
    const named = notes.flatMap((note) => /^(?:The hook )?(\S+).* was left out: /.exec(note)?.[1] ?? []);
    assert.deepEqual(named.sort(), [
      'SparsityHook',
      'TorchAMPOptimizerHook',
      'dataset.name',
      'evaluation.dataloader.drop_last',
      'preprocessor.keep_original_columns',
      'train.lora.r',
      'train.lr_scheduler.verbose',
      'train.optimizer.amsgrad',
      'train.optimizer.options.grad_clip.norm_type',
      'train.train_iters_per_epoch',
      'train.use_fp16',
      'train.work_dir',
    ]); // prettier-ignore
    assert.match(notes.join('\n'), /use_fp16 was left out: half precision is train\.precision here/);
  });

  it('says what takes the place of an optimiser or schedule that there is not', () => {
    const { notes } = changed((json) => {
      json.train.optimizer = { type: 'SGD', lr: 0.01 };
      json.train.lr_scheduler = { type: 'StepLR', step_size: 2 };
    });
    const text = notes.join('\n');
    assert.match(text, /"SGD" and its learning rate were left out\. AdamW is used instead, with lr 3e-5/);
    assert.match(text, /"StepLR" was left out: .* Instead, the learning rate rises over the first tenth/);
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

  it('of a model of this program names its task, and the labels where these are what the data hold', () => {
    const config = { modelType: 'bert' } as Parameters<typeof configurationJson>[0]['config'];
    const of = (task: string, labels: readonly string[]) => {
      const { recipe: defaults, notes } = recipeFromModelScope(configurationJson({ task, config }, labels));
      assert.ok(!notes.some((note) => note.startsWith('The task')), notes.join('\n'));
      const train = { ...defaults.dataset?.train, file: 'f' };
      const recipe = validateRecipe({ ...defaults, model: 'm', dataset: { train } }, 'it');
      return [recipe.task, recipe.dataset.train.labels];
    };
    assert.deepEqual(of('text-classification', ['a', 'b']), ['text-classification', ['a', 'b']]);
    assert.deepEqual(of('multi-label-classification', ['a', 'b']), ['multi-label-classification', ['a', 'b']]);
    assert.deepEqual(of('token-classification', ['O', 'B-a', 'I-a']), ['token-classification', undefined]);
    assert.deepEqual(of('regression', ['score']), ['regression', undefined]);
    assert.deepEqual(of('text-ranking', ['score']), ['ranking', undefined]);
  });

  it('is told from a recipe', () => {
    assert.ok(isModelScopeConfiguration(configuration));
    assert.ok(!isModelScopeConfiguration(recipe));
    assert.ok(!isModelScopeConfiguration(null));
  });
});
