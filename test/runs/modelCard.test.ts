import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveRecipe, type Recipe } from '../../src/protocol/recipe';
import { classificationReport, regressionReport } from '../../src/tasks/evaluationReport';
import { renderModelCard, type ModelCardInput } from '../../src/runs/modelCard';
import { spanReport } from '../../src/tasks/entities/spanReport';
import { classificationOf } from '../support/evaluations';

const recipe: Recipe = {
  task: 'sentence-similarity',
  model: '/home/somebody/models/structbert',
  dataset: {
    train: {
      file: '/home/somebody/train.json',
      labels: ['0', '1', '2'],
      label_mapping: { NA: '0', 'un|clear': null, '2': '2' },
    },
    validation: { file: 'C:\\Users\\somebody\\dev.json' },
  },
};
// 12 rows: the first label wrong twice, the others right.
const targets = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
const predicted = [0, 0, 0, 0, 1, 2, 1, 1, 1, 2, 2, 2];
const evaluation = classificationReport({
  labels: ['0', '1', '2'],
  targets,
  logits: predicted.flatMap((id) => [0, 1, 2].map((other) => (other === id ? 2 : 0))),
});

const classifier: ModelCardInput = {
  name: 'structbert-20260101-120000',
  baseModel: 'structbert',
  license: 'apache-2.0',
  isKnownToTransformers: true,
  recipe: resolveRecipe(recipe),
  labels: ['0', '1', '2'],
  maxLength: 48,
  data: {
    train: {
      file: '/home/somebody/train.json',
      sha256: '0123456789abcdef'.repeat(4),
      rows: 15000,
      counts: { '0': 9000, '1': 3500, '2': 2500 },
      dropped: 3,
      badRows: 1,
    },
    validation: {
      file: 'C:\\Users\\somebody\\dev.json',
      sha256: 'fedcba9876543210'.repeat(4),
      rows: 12,
      counts: { '0': 6, '1': 3, '2': 3 },
    },
  },
  fields: { first: 'query1', second: 'query2', label: 'label' },
  parameterCount: 102_269_955,
  step: 500,
  totalSteps: 2814,
  best: { step: 250, metric: 'accuracy', value: evaluation.accuracy },
  evaluation,
  evaluations: [
    { step: 250, epoch: 0.2665, evaluation: { ...evaluation } },
    { step: 500, epoch: 0.533, evaluation: { ...evaluation, loss: NaN, accuracy: 0.5 } },
  ],
  environment: { medtext: '0.1.0', cpu: 'A | CPU', threads: 2, memoryBytes: 8 * 2 ** 30, providers: ['cpu', 'webgpu'] },
  hasValidation: true,
};

const regression: ModelCardInput = {
  ...classifier,
  license: undefined,
  recipe: resolveRecipe({ ...recipe, task: 'regression', dataset: { train: { file: 'train.csv' } } }),
  labels: ['score'],
  fields: { first: 'text', label: 'score' },
  data: { train: { file: 'train.csv', sha256: 'ab'.repeat(32), rows: 5 } },
  evaluation: regressionReport({ targets: [1, 2, 3, 4, 5], predictions: [1, 2, 3, 5, 4] }),
  evaluations: [],
  best: null,
};

describe('model card', () => {
  for (const [name, card] of Object.entries({ classifier, regression })) {
    it(`of a ${name} reads as the golden (UPDATE_GOLDENS=1 writes it anew)`, () => {
      const file = join(__dirname, `../fixtures/modelCard/${name}.md`);
      const text = renderModelCard(card);
      if (process.env.UPDATE_GOLDENS) writeFileSync(file, text);
      assert.equal(text, readFileSync(file, 'utf8'));
    });
  }

  it('of entities counts them as they are, names no ids, and says how long texts are read', () => {
    const task = 'token-classification';
    const labels = ['病', '药'];
    const evaluation = spanReport({ labels, truth: [[{ start: 0, end: 1, type: '病' }]], found: [[]] });
    const card = renderModelCard({
      ...classifier,
      recipe: resolveRecipe({ ...recipe, task, dataset: { train: { file: 'a', label_mapping: { 其他: null } } } }),
      labels,
      fields: { first: 'text', label: 'entities' },
      data: { train: { file: 'a', sha256: 'ab'.repeat(32), rows: 5, counts: { 病: 9, 药: 3 } } },
      evaluation: { ...evaluation, loss: 1 },
      evaluations: [],
      best: null,
    });
    assert.match(card, /\| Entities 病 \| Entities 药 \|[^]*\| train \| `a` \| 5 \| 9 \| 3 \| 0 \|/);
    assert.match(card, /## Labels\n\n\| Type \|\n\| --- \|\n\| 病 \|/);
    assert.match(card, /Entities of these types were left out: `其他`/);
    assert.match(card, /overlapping windows of 48 tokens/);
    assert.ok(!/Inputs are cut|Rows with these/.test(card));
  });

  it('names no folder of the machine that trained', () => {
    assert.ok(!renderModelCard(classifier).includes('somebody'));
  });

  it('says whether the model beats the baseline, and when there is no evaluation', () => {
    const verdict = (majorityBaseline: number): string =>
      renderModelCard({ ...classifier, evaluation: { ...evaluation, majorityBaseline } });
    assert.match(verdict(0.3), /is above that of/);
    assert.match(verdict(0.7), /does not differ significantly/);
    assert.match(verdict(0.99), /is below that of/);
    assert.match(renderModelCard({ ...classifier, evaluation: undefined }), /not been evaluated yet/);
    assert.match(renderModelCard({ ...classifier, evaluation: undefined, hasValidation: false }), /without validation/);
  });

  it('tells of the test data apart, in the text and to the hubs', () => {
    const card = renderModelCard({ ...classifier, test: { ...evaluation, rows: 77 } });
    assert.match(card, /split: validation[\s\S]*split: test\n {4}metrics:\n {4}- type: accuracy/);
    assert.match(card, /## Results\n[\s\S]*## Results on the test data\n[\s\S]*On 77 test rows/);
    assert.ok(!renderModelCard(classifier).includes('test'));
  });

  it('keeps names and labels of any kind text, in Markdown and in YAML', () => {
    const nasty = 'a|b\n"#<img onerror=x>: [x](y) `c`';
    const text = renderModelCard({
      ...classifier,
      name: nasty,
      baseModel: nasty,
      labels: [nasty, '1'],
      evaluation: classificationReport({ labels: [nasty, '1'], targets: [0, 1], logits: [1, 0, 0, 1] }),
    });
    const [, front, body] = text.split(/^---$/m);
    // A JSON string on one line is a YAML string.
    for (const field of ['base_model', '- name']) {
      const line = front.split('\n').find((line) => line.startsWith(`${field}: `))!;
      assert.equal(JSON.parse(line.slice(field.length + 2)), nasty);
    }
    assert.ok(!/<img/.test(body.replace(/`+[^`].*?`+/g, '')));
    for (const row of body.split('\n').filter((line) => /^\| .*img/.test(line))) {
      assert.ok(row.endsWith(' |'), row);
    }
  });

  it('shows at most some forty of many evaluations, the best and the last among them', () => {
    const evaluations = Array.from({ length: 1000 }, (_, i) => ({
      step: i + 1,
      epoch: 0.1,
      evaluation: classificationOf(),
    }));
    const text = renderModelCard({ ...classifier, evaluations, best: { step: 777, metric: 'loss', value: 1 } });
    const rows = text.split('\n').filter((line) => /^\| [\d,]+ \| 0\.10 /.test(line));
    assert.ok(rows.length >= 40 && rows.length <= 42, String(rows.length));
    assert.ok(rows.some((row) => row.startsWith('| 777 ') && row.includes('best')));
    assert.ok(rows.at(-1)!.startsWith('| 1,000 '));
  });
});
