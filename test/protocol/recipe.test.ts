import assert from 'node:assert/strict';
import type { MedTextError } from '../../src/base/errors';
import {
  mergeRecipes,
  nearestName,
  recipeProblems,
  recipeSchema,
  resolveRecipe,
  setPath,
  validateRecipe,
  type PartialRecipe,
  type Recipe,
} from '../../src/protocol/recipe';

const shortest: Recipe = { task: 'sentence-similarity', model: 'm', dataset: { train: { file: 'train.json' } } };

/** Every field there is but `split`, which stands in place of a validation file: types, schema and this must agree. */
const complete: DeepRequired<WithoutLabelsFile> = {
  $schema: 'recipe.schema.json',
  task: 'pair-classification',
  model: '../models/structbert',
  dataset: {
    train: splitWithEverything('train.json'),
    validation: splitWithEverything('dev.json'),
    test: splitWithEverything('test.json'),
  },
  model_head: { type: 'auto', pooling: 'mean' },
  train: {
    max_epochs: 5,
    batch_size: 32,
    max_length: 128,
    optimizer: { type: 'AdamW', lr: 2e-5, weight_decay: 0, betas: [0.9, 0.98], eps: 1e-6, no_decay: ['bias'] },
    lr_scheduler: {
      type: 'cosine',
      warmup: 100,
      total_iters: 1000,
      warmup_type: 'exponential',
      warmup_start: 0.1,
      eta_min: 1e-7,
      decay_from: 'start',
    },
    max_grad_norm: 0.5,
    gradient_accumulation: 2,
    micro_batch_size: 4,
    dropout: 0.2,
    label_smoothing: 0.1,
    adversarial: { adv_grad_factor: 5e-5, adv_bound: 1e-5, sigma: 5e-6 },
    fgm: null,
    r_drop: null,
    class_weights: [1, 2, 3],
    seed: 7,
    shuffle: false,
    drop_last: true,
    evaluate_every: 'epoch',
    metric_for_best: 'macroF1',
    early_stopping: { patience: 5, min_delta: 0.001 },
    trainable: { last_layers: 2 },
    precision: 'float16',
    length_buckets: [16, 32, 64],
  },
  device: 'webgpu',
  threads: 2,
  work_dir: 'out',
};

/** A file of its own stands in place of the labels: a recipe has one or the other. Fields of another task are not there. */
type WithoutLabelsFile = Omit<Recipe, 'dataset' | 'train'> & {
  dataset: {
    [K in 'train' | 'validation' | 'test']: Omit<
      NonNullable<Recipe['dataset'][K]>,
      'labels_file' | keyof typeof ofCorpus | keyof typeof ofLabelLists
    >;
  };
  train: Omit<
    NonNullable<Recipe['train']>,
    keyof typeof ofPretraining | keyof typeof ofMultiLabel | keyof typeof ofRanking
  >;
};

/** What several labels a text alone have. */
const ofLabelLists = { label_separator: ';' } satisfies Partial<Recipe['dataset']['train']>;
const ofMultiLabel = { thresholds: 'by_label' } satisfies Recipe['train'];

/** What a ranking alone has. */
const ofRanking = { ranking_loss: 'pointwise', max_candidates: 8 } satisfies Recipe['train'];

/** What masked language modelling alone has. */
const ofCorpus = { files: ['notes'], document: 'line' } satisfies Partial<Recipe['dataset']['train']>;
const ofPretraining = {
  masking: { share: 0.2, mask_share: 0.7, random_share: 0.2, whole_word: false, terms: 'terms.txt' },
  struct_bert: { shuffled_share: 0.1, weights: { masked: 1, shuffled: 0.5, sentence: 2 } },
} satisfies DeepRequired<Pick<NonNullable<Recipe['train']>, 'masking' | 'struct_bert'>>;

type DeepRequired<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]-?: DeepRequired<T[K]> }
    : T;

function splitWithEverything(file: string) {
  return {
    file,
    first_sequence: 'query1',
    second_sequence: 'query2',
    label: 'label',
    span_end: 'exclusive' as const,
    labels: ['0', '1', '2'],
    label_mapping: { NA: '0', unclear: null },
    label_details: { '2': { description: 'the same question', color: '#3794ff', score: 1 } },
    corrections: 'train.corrections.json',
    format: 'json' as const,
    encoding: 'utf-8' as const,
    header: true,
    sheet: 'train',
    on_bad_row: 'skip' as const,
  };
}

function problemsOf(change: (recipe: any) => void): Record<string, string> {
  const recipe = structuredClone(complete);
  change(recipe);
  return Object.fromEntries(recipeProblems(recipe).map(({ pointer, message }) => [pointer, message]));
}

describe('recipe: validation', () => {
  it('accepts the shortest and the complete recipe', () => {
    assert.equal(validateRecipe(shortest, 'a'), shortest);
    assert.deepEqual(recipeProblems(complete), []);
  });

  it('takes a loss and a bound on the texts of a query for a ranking alone, whose queries stay in one part', () => {
    const recipe: Recipe = { ...shortest, task: 'text-ranking', train: ofRanking };
    assert.deepEqual(recipeProblems(recipe), []);
    const wrong = problemsOf((other) => {
      Object.assign(other.train, ofRanking);
    });
    assert.deepEqual(Object.keys(wrong).sort(), ['/train/max_candidates', '/train/ranking_loss']);
    assert.match(wrong['/train/ranking_loss'], /Ranking; pair-classification does not read it/);
    const { train, task } = resolveRecipe({ ...recipe, train: {} });
    assert.deepEqual([task, train.ranking_loss, train.max_candidates, train.metric_for_best], ['ranking', 'listwise', 'auto', 'ndcg@10']); // prettier-ignore
    assert.equal('ranking_loss' in resolveRecipe(shortest).train, false);
    assert.deepEqual(recipeProblems(resolveRecipe(recipe)), []);

    const split = { validation: 0.2 };
    const dataset = { ...shortest.dataset, split };
    assert.equal(resolveRecipe({ ...recipe, dataset }).dataset.split!.group_by, 'first_sequence');
    assert.equal(resolveRecipe({ ...shortest, dataset }).dataset.split!.group_by, null);
    const problems = recipeProblems({
      ...recipe,
      dataset: { ...dataset, split: { ...split, group_by: 'patient' } },
      train: { max_candidates: 17, drop_last: true, label_smoothing: 0.1, class_weights: 'balanced' },
    });
    assert.deepEqual(problems.map(({ pointer }) => pointer).sort(), [
      '/dataset/split/group_by',
      '/train/class_weights',
      '/train/drop_last',
      '/train/label_smoothing',
      '/train/max_candidates',
    ]);
  });

  it('takes thresholds and a separator of labels for several labels a text alone', () => {
    const dataset = { train: { file: 'a.csv', ...ofLabelLists } };
    const recipe: Recipe = { ...shortest, task: 'multi-label-classification', dataset, train: ofMultiLabel };
    assert.deepEqual(recipeProblems(recipe), []);
    assert.deepEqual(recipeProblems({ ...recipe, train: { thresholds: 0.3 } }), []);
    const wrong = problemsOf((other) => {
      other.train.thresholds = 'one';
      other.dataset.test.label_separator = ';';
    });
    assert.deepEqual(Object.keys(wrong).sort(), ['/dataset/test/label_separator', '/train/thresholds']);
    assert.match(wrong['/train/thresholds'], /Several labels a text; pair-classification does not read it/);
    const { train } = resolveRecipe(recipe);
    assert.deepEqual([train.thresholds, train.metric_for_best], ['by_label', 'averagePrecision']);
    assert.equal('thresholds' in resolveRecipe(shortest).train, false);
    const other = recipeProblems({
      ...recipe,
      train: { label_smoothing: 0.1, r_drop: { alpha: 1 }, thresholds: 1 as never },
    });
    assert.deepEqual(other.map(({ pointer }) => pointer).includes('/train/thresholds'), true);
  });

  it('takes texts and masks for masked language modelling alone, whose defaults are its own', () => {
    const dataset = { train: { file: 'notes', ...ofCorpus } };
    const recipe = { ...shortest, task: 'masked-language-modeling', dataset, train: ofPretraining } as Recipe;
    assert.deepEqual(recipeProblems(recipe), []);
    const wrong = problemsOf((other) => {
      other.train.masking = {};
      other.dataset.train.document = 'line';
    });
    assert.deepEqual(Object.keys(wrong), ['/train/masking', '/dataset/train/document']);
    const test = { ...recipe, dataset: { ...dataset, test: { file: 'b' } }, train: { masking: { mask_share: 0.95 } } };
    assert.deepEqual(
      recipeProblems(test).map(({ pointer }) => pointer),
      ['/dataset/test', '/train/masking'],
    );

    const { train } = resolveRecipe({ ...recipe, train: { masking: { terms: 't.txt' }, struct_bert: {} } });
    assert.deepEqual(
      [train.optimizer.lr, train.lr_scheduler.warmup, train.metric_for_best],
      [5e-5, 0.06, 'perplexity'],
    );
    assert.deepEqual(train.masking, {
      share: 0.15,
      mask_share: 0.8,
      random_share: 0.1,
      whole_word: true,
      terms: 't.txt',
    });
    assert.deepEqual(train.struct_bert, { shuffled_share: 0.05, weights: { masked: 1, shuffled: 1, sentence: 1 } });
    assert.equal('masking' in resolveRecipe(shortest).train, false);
    assert.equal('struct_bert' in resolveRecipe(shortest).train, false);
  });

  it('takes a share of the training data in place of a validation file, not beside one', () => {
    const split = { validation: 0.1 };
    const { train } = complete.dataset;
    assert.deepEqual(recipeProblems({ ...complete, dataset: { train, split } }), []);
    const both = problemsOf((recipe) => (recipe.dataset.split = split));
    assert.deepEqual(Object.keys(both), ['/dataset/split']);
    const resolved = resolveRecipe({ ...complete, dataset: { train, split } });
    const filled = { validation: 0.1, seed: 2021, stratify: true, group_by: null };
    assert.deepEqual(resolved.dataset.split, filled);
    assert.deepEqual(resolveRecipe(resolved), resolved);
    for (const validation of [0, 1, 'a tenth']) {
      const problems = problemsOf((recipe) => (recipe.dataset = { train, split: { validation } }));
      assert.deepEqual(Object.keys(problems), ['/dataset/split/validation']);
    }
  });

  it('lists operations on texts, each once, and drops rows of tables alone', () => {
    const clean = ['html_entities', 'trim'] as const;
    const asked = { ...complete, dataset: { ...complete.dataset, clean, drop_duplicates: true } };
    assert.deepEqual(recipeProblems(asked), []);
    const resolved = resolveRecipe(asked);
    assert.deepEqual([resolved.dataset.clean, resolved.dataset.drop_duplicates], [clean, true]);
    assert.equal(resolveRecipe(complete).dataset.clean, undefined, 'the model says it then');
    for (const wrong of [['lower'], ['trim', 'trim'], 'trim']) {
      const problems = problemsOf((recipe) => Object.assign(recipe.dataset, { clean: wrong }));
      assert.match(Object.keys(problems).join(), /^\/dataset\/clean/, JSON.stringify(wrong));
    }
    const texts = {
      task: 'masked-language-modeling',
      model: 'm',
      dataset: { train: { file: 'a.txt' }, drop_duplicates: true },
    };
    assert.deepEqual(recipeProblems(texts).map(({ pointer }) => pointer), ['/dataset/drop_duplicates']); // prettier-ignore
  });

  it('has the same fields in schema and types, each with a description and the documented range', () => {
    const fields = (schema: any, value: any, path: string): void => {
      if (schema.$ref) schema = { ...(recipeSchema.definitions as any)[schema.$ref.split('/').pop()], ...schema };
      if (path !== '') assert.ok(schema.description, `${path} has no description`);
      if (!schema.properties) return;
      assert.equal(schema.additionalProperties, false, path);
      const known = Object.keys(schema.properties).filter((name) => name !== 'labels_file');
      assert.deepEqual(known.sort(), Object.keys(value).sort(), path);
      for (const [name, property] of Object.entries(schema.properties))
        fields(property, value[name] ?? {}, `${path}/${name}`);
    };
    const split: DeepRequired<Recipe['dataset']['split']> = {
      validation: 0.1,
      seed: 4,
      stratify: false,
      group_by: null,
    };
    const { train, validation, test } = complete.dataset;
    const splits = { train, validation, test };
    const dataset = Object.fromEntries(
      Object.entries(splits).map(([name, each]) => [name, { ...each, ...ofLabelLists, ...ofCorpus }]),
    );
    const everything = {
      ...complete,
      dataset: { ...dataset, clean: ['trim'], drop_duplicates: true, split },
      train: { ...complete.train, ...ofPretraining, ...ofMultiLabel, ...ofRanking },
    };
    fields(recipeSchema, everything, '');
  });

  it('lists every problem with pointer, expectation and what was found', () => {
    assert.throws(
      () =>
        validateRecipe(
          { task: 'similarity', model: 'm', dataset: { train: {} }, train: { batch_sise: 3, lr: 1, max_epochs: 0 } },
          'a.medtext.json',
        ),
      (error: MedTextError) => {
        assert.equal(error.code, 'RECIPE');
        assert.match(error.message, /^a\.medtext\.json is not a valid recipe, 5 problems:/);
        const problems = error.detail.problems as { pointer: string; message: string; nearest?: string }[];
        assert.deepEqual(
          problems.map(({ pointer }) => pointer).sort(),
          ['/dataset/train', '/task', '/train/batch_sise', '/train/lr', '/train/max_epochs'].sort(),
        );
        const at = (pointer: string) => problems.find((problem) => problem.pointer === pointer)!;
        assert.equal(at('/train/batch_sise').nearest, 'batch_size');
        assert.match(at('/dataset/train').message, /the field "file" is missing \(a text\)/);
        assert.match(at('/task').message, /one of "sentence-similarity", .* found "similarity"/);
        assert.match(at('/train/max_epochs').message, /a whole number at least 1 and at most 10000, found 0/);
        return true;
      },
    );
  });

  const cases: [string, (recipe: any) => void, string, RegExp][] = [
    [
      'a number out of range',
      (r) => (r.train.dropout = 1),
      '/train/dropout',
      /a number at least 0 and below 1 or null, found 1/,
    ],
    [
      'a value that fits no alternative',
      (r) => (r.train.max_length = 'long'),
      '/train/max_length',
      /^expected "auto" or a whole number at least 8 and at most 8192, found "long"$/,
    ],
    [
      'a wrong field inside an alternative',
      (r) => (r.train.trainable = { last_layer: 2 }),
      '/train/trainable/last_layer',
      /did you mean "last_layers"/,
    ],
    [
      'a wrong element inside an alternative',
      (r) => (r.train.class_weights = [1, -1, 1]),
      '/train/class_weights/1',
      /a number at least 0, found -1/,
    ],
    [
      'an object that may be null',
      (r) => (r.train.early_stopping.patience = 0),
      '/train/early_stopping/patience',
      /at least 1/,
    ],
    ['betas of another length', (r) => (r.train.optimizer.betas = [0.9]), '/train/optimizer/betas', /a list of 2/],
    [
      'a mapping to a number',
      (r) => (r.dataset.train.label_mapping.NA = 0),
      '/dataset/train/label_mapping/NA',
      /a text or null, found 0/,
    ],
    ['an unknown device', (r) => (r.device = 'gpu'), '/device', /"webgpu"/],
    [
      'a label mapped to one that is not listed',
      (r) => (r.dataset.train.label_mapping['a/b'] = '3'),
      '/dataset/train/label_mapping/a~1b',
      /"3" is not among the labels "0", "1", "2"/,
    ],
    [
      'a label listed twice',
      (r) => {
        r.dataset = { train: { file: 'f', labels: ['0', 0, '2'] } };
      },
      '/dataset/train/labels',
      /"0" is listed twice/,
    ],
    [
      'labels in another order',
      (r) => (r.dataset.validation.labels = ['2', '1', '0']),
      '/dataset/validation/labels',
      /differs/,
    ],
    [
      'weights of another number',
      (r) => (r.train.class_weights = [1, 2]),
      '/train/class_weights',
      /2 weights for 3 labels/,
    ],
    [
      'a metric of another task',
      (r) => (r.train.metric_for_best = 'pearson'),
      '/train/metric_for_best',
      /does not exist/,
    ],
    [
      'binary F1 of three labels',
      (r) => (r.train.metric_for_best = 'binaryF1'),
      '/train/metric_for_best',
      /exactly two/,
    ],
    ['descending buckets', (r) => (r.train.length_buckets = [32, 16]), '/train/length_buckets', /ascend/],
    [
      'a pair task without a second sentence',
      (r) => (r.dataset.test.second_sequence = null),
      '/dataset/test/second_sequence',
      /needs a second/,
    ],
  ];
  for (const [name, change, pointer, message] of cases) {
    it(`reports ${name}, once`, () => {
      const problems = problemsOf(change);
      assert.deepEqual(Object.keys(problems), [pointer]);
      assert.match(problems[pointer], message);
    });
  }

  it('reports what a regression cannot have', () => {
    const problems = problemsOf((recipe) => {
      recipe.task = 'regression';
      for (const split of Object.values(recipe.dataset) as any[]) delete split.labels;
    });
    assert.deepEqual(Object.keys(problems).sort(), [
      '/train/adversarial',
      '/train/class_weights',
      '/train/label_smoothing',
      '/train/metric_for_best',
    ]);
  });

  it('reports two losses of several passes', () => {
    const problems = problemsOf((recipe) => {
      recipe.train.fgm = { epsilon: 1 };
    });
    assert.deepEqual(Object.keys(problems), ['/train/fgm']);
    assert.match(problems['/train/fgm'], /"adversarial" already/);
  });

  for (const value of [null, 3, 'x', [], undefined, Object.create(null)]) {
    it(`refuses ${JSON.stringify(value)} as a recipe`, () => {
      assert.throws(() => validateRecipe(value, 'it'), { code: 'RECIPE' });
    });
  }
});

describe('recipe: defaults', () => {
  it('follow the recipe published with CBLUE', () => {
    assert.deepEqual(resolveRecipe(shortest), {
      task: 'sentence-similarity',
      model: 'm',
      model_head: { type: 'auto', pooling: 'auto' },
      dataset: { train: { file: 'train.json', format: 'auto', encoding: 'auto', header: 'auto', on_bad_row: 'stop' } },
      train: {
        max_epochs: 3,
        batch_size: 16,
        max_length: 'auto',
        optimizer: {
          type: 'AdamW',
          lr: 3e-5,
          weight_decay: 0.01,
          betas: [0.9, 0.999],
          eps: 1e-8,
          no_decay: ['bias', 'LayerNorm.weight'],
        },
        lr_scheduler: {
          type: 'linear',
          warmup: 0.1,
          total_iters: null,
          warmup_type: 'linear',
          warmup_start: 0,
          eta_min: 0,
          decay_from: 'warmup',
        },
        max_grad_norm: 1,
        gradient_accumulation: 1,
        micro_batch_size: 'auto',
        dropout: null,
        label_smoothing: 0,
        fgm: null,
        r_drop: null,
        class_weights: null,
        seed: 2021,
        shuffle: true,
        drop_last: false,
        evaluate_every: 250,
        metric_for_best: 'accuracy',
        early_stopping: { patience: 3, min_delta: 0 },
        trainable: 'all',
        precision: 'float32',
        length_buckets: 'auto',
      },
      device: 'auto',
      threads: 'auto',
      work_dir: 'runs',
    });
  });

  it('change nothing that is given, and resolve to themselves', () => {
    const resolved = resolveRecipe(complete);
    const { $schema: _, ...rest } = complete;
    assert.deepEqual(resolved, { ...rest, task: 'sentence-similarity' });
    assert.deepEqual(resolveRecipe(resolved), resolved);
    assert.deepEqual(recipeProblems(resolved), []);
  });

  it('keep null where null has a meaning, and fill the rest of a given object', () => {
    const { train } = resolveRecipe({
      ...shortest,
      train: { early_stopping: null, max_grad_norm: null, optimizer: { lr: 1e-3 } },
    });
    assert.equal(train.early_stopping, null);
    assert.equal(train.max_grad_norm, null);
    assert.equal(train.optimizer.lr, 1e-3);
    assert.equal(train.optimizer.weight_decay, 0.01);
    assert.deepEqual(resolveRecipe({ ...shortest, train: { early_stopping: { patience: 9 } } }).train.early_stopping, {
      patience: 9,
      min_delta: 0,
    });
  });

  it('give validation and test the columns and labels of the training split, not its file format', () => {
    const train = {
      file: 'a.csv',
      first_sequence: 0,
      labels: [0, 1],
      label: 2,
      format: 'csv',
      encoding: 'gb18030',
      sheet: 'train',
    } as const;
    const { dataset } = resolveRecipe({ ...shortest, dataset: { train, validation: { file: 'b.json', label: 'y' } } });
    assert.deepEqual(dataset.validation, {
      file: 'b.json',
      first_sequence: 0,
      label: 'y',
      labels: ['0', '1'],
      format: 'auto',
      encoding: 'auto',
      header: 'auto',
      on_bad_row: 'stop',
    });
  });

  it('choose pearson for regression and do not share objects between recipes', () => {
    assert.equal(resolveRecipe({ ...shortest, task: 'regression' }).train.metric_for_best, 'pearson');
    (resolveRecipe(shortest).train.optimizer.no_decay as string[]).push('x');
    assert.deepEqual(resolveRecipe(shortest).train.optimizer.no_decay, ['bias', 'LayerNorm.weight']);
  });
});

describe('recipe: layers and --set', () => {
  it('merges objects by field, replaces lists, nulls and label mappings', () => {
    const base: PartialRecipe = {
      dataset: { train: { labels: ['a', 'b'], label_mapping: { x: 'a' }, label: 'y' } },
      train: { optimizer: { lr: 1, betas: [0, 0] }, early_stopping: { patience: 1 } },
    };
    const over = {
      ...shortest,
      dataset: { train: { file: 'f', labels: ['c'], label_mapping: { z: null } } },
      train: { optimizer: { lr: 2 }, early_stopping: null },
    };
    const merged = mergeRecipes(base, over);
    assert.deepEqual(merged.dataset, { train: { labels: ['c'], label_mapping: { z: null }, label: 'y', file: 'f' } });
    assert.deepEqual(merged.train, { optimizer: { lr: 2, betas: [0, 0] }, early_stopping: null });
    assert.equal(base.train!.optimizer!.lr, 1);
  });

  const assignments: [string, (recipe: any) => unknown, unknown][] = [
    ['train.optimizer.lr=3e-5', (r) => r.train.optimizer.lr, 3e-5],
    ['train.batch_size=32', (r) => r.train.batch_size, 32],
    ['train.max_grad_norm=null', (r) => r.train.max_grad_norm, null],
    ['train.optimizer.betas=[0.9,0.98]', (r) => r.train.optimizer.betas, [0.9, 0.98]],
    ['train.trainable={"last_layers":2}', (r) => r.train.trainable, { last_layers: 2 }],
    ['train.trainable.last_layers=4', (r) => r.train.trainable, { last_layers: 4 }],
    ['train.evaluate_every=epoch', (r) => r.train.evaluate_every, 'epoch'],
    ['model=2021', (r) => r.model, '2021'],
    ['model=a=b', (r) => r.model, 'a=b'],
    ['dataset.train.label_mapping.1.0=0', (r) => r.dataset.train.label_mapping, { '1.0': '0' }],
    ['dataset.train.label_mapping.NA=null', (r) => r.dataset.train.label_mapping, { NA: null }],
    ['dataset.validation.first_sequence=1', (r) => r.dataset.validation, { first_sequence: 1 }],
    ['train.early_stopping.patience=5', (r) => r.train.early_stopping, { patience: 5 }],
  ];
  for (const [assignment, read, expected] of assignments) {
    it(`sets ${assignment}`, () => {
      const before = { ...shortest, train: { early_stopping: null, trainable: 'all' as const } };
      const copy = structuredClone(before);
      assert.deepEqual(read(setPath(before, assignment)), expected);
      assert.deepEqual(before, copy);
    });
  }

  const mistakes: [string, string, RegExp][] = [
    ['train.optimiser.lr=1', 'RECIPE', /did you mean "train\.optimizer"\?/],
    ['lr=1', 'RECIPE', /did you mean "train\.optimizer\.lr"\?/],
    ['train.optimizer.learning_rate=1', 'RECIPE', /known there: type, lr/],
    ['train.batch_size.x=1', 'RECIPE', /"train\.batch_size" has no fields/],
    ['__proto__.polluted=1', 'RECIPE', /not a recipe field/],
    ['dataset.train.label_mapping.__proto__=null', 'RECIPE', /not a recipe field/],
    ['train.constructor=1', 'RECIPE', /no "constructor"/],
    ['train.batch_size', 'USAGE', /sets nothing/],
    ['=3', 'USAGE', /sets nothing/],
  ];
  for (const [assignment, code, message] of mistakes) {
    it(`refuses ${assignment}`, () => {
      assert.throws(() => setPath(shortest, assignment), { code, message });
    });
  }

  it('finds names that are near and no others', () => {
    const names = ['max_epochs', 'batch_size', 'seed', 'dropout'];
    assert.equal(nearestName('maxEpochs', names), 'max_epochs');
    assert.equal(nearestName('epochs', names), 'max_epochs');
    assert.equal(nearestName('sede', names), 'seed');
    assert.equal(nearestName('temperature', names), undefined);
    assert.equal(nearestName('x'.repeat(100000), names), undefined);
  });
});
