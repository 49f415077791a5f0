// Snapshots to look at: ordinary ones, empty ones and nasty ones. All texts were written for this project.
const defaults = [
  ['train.max_epochs', '3', false],
  ['train.batch_size', '32', false],
  ['train.optimizer.lr', '3e-5', false],
  ['train.max_length', 'auto', true],
  ['train.seed', '2021', true],
  ['train.evaluate_every', '250', true],
  ['train.lr_scheduler.warmup', '0.1', true],
  ['train.optimizer.weight_decay', '0.01', true],
  ['train.dropout', '', true],
  ['train.trainable', 'all', true],
  ['device', 'auto', false],
  ['train.precision', 'float16', false],
];
const recipe = {
  id: '/w/medical-pairs.medtext.json',
  name: 'medical-pairs',
  path: 'recipes/medical-pairs.medtext.json',
  task: 'sentence-similarity',
  model: '../models/structbert-medical-base-zh',
  train: 'data/medical-pairs/train.json',
  validation: 'data/medical-pairs/validation.json',
  test: null,
  knobs: defaults.map(([field, value, isDefault]) => ({ field, value, isDefault, help: `What ${field} means.` })),
  problem: null,
};

// A noise that is the same every time.
const noise = (i) => ((Math.imul(i, 2654435761) >>> 0) / 2 ** 32 - 0.5) * 0.35;
const steps = Array.from({ length: 640 }, (_, i) => i + 1);
const losses = steps.map((step) =>
  step === 300 ? null : Math.max(0.02, 0.25 + 0.85 * Math.exp(-step / 160) + noise(step)),
);
const evaluations = [1, 2, 3, 4, 5, 6].map((n) => ({
  step: n * 100,
  epoch: n / 3,
  metrics: {
    accuracy: [0.612, 0.703, 0.748, 0.771, 0.779, 0.774][n - 1],
    macroF1: [0.41, 0.6, 0.69, 0.728, 0.741, 0.738][n - 1],
    loss: [0.88, 0.71, 0.62, 0.585, 0.58, 0.61][n - 1],
  },
}));
const run = {
  id: '/w/runs/a',
  name: 'medical-pairs',
  phase: 'running',
  resumable: false,
  step: 640,
  totalSteps: 900,
  epoch: 2.133,
  totalEpochs: 3,
  loss: 0.2731,
  learningRate: 8.7e-6,
  gradientNorm: 1.42,
  examplesPerSecond: 148.3,
  secondsLeft: 56,
  sequenceLength: 32,
  device: 'webgpu',
  memoryBytes: 2.31 * 2 ** 30,
  steps,
  losses,
  evaluations,
  metric: 'accuracy',
  best: { step: 500, value: 0.779 },
};
const scored = ([name, f1, support]) => ({ name, f1, support });
const scoresOfTypes = {
  highest: [['药物', 1, 412], ['疾病和诊断', 0.9312, 1904], ['body', 0.884, 77], ['<b>检查</b>', 0.8231, 650]].map(scored), // prettier-ignore
  lowest: [['影像检查所见的解剖部位（含方位词）', 0.5102, 12033], ['手术', 0.41, 31], ['\u202e科室\u202c', 0.0625, 3], ['症状', 0, 5]].map(scored), // prettier-ignore
};
const training = { recipe, run: null, others: [], busy: false, hasModels: true, trusted: true };
const ended = { ...run, step: 640, elapsedSeconds: 431, secondsLeft: undefined, examplesPerSecond: undefined };

const labels = ['0', '1', '2'];
const order = (similarity) => {
  const high = similarity ** 2;
  const low = (1 - similarity) ** 2;
  const probabilities = Object.fromEntries(labels.map((label, i) => [label, [low, 1 - low - high, high][i]]));
  return { similarity, measure: 'label-scale', probabilities, logits: [] };
};
const unscaled = ({ probabilities }) => ({ similarity: null, measure: 'classes', probabilities: { 药品: probabilities[0], 检查: probabilities[1], 手术: probabilities[2] }, logits: [0, 0, 0] }); // prettier-ignore
// Of several labels a text: each its own probability, and thresholds that are not all 0.5. Row 3 reaches none.
const thresholds = { 发热: 0.5, 咳嗽: 0.35, '胸痛，放射至左肩': 0.5, '<b>皮疹</b>': 0.6 };
const severalLabels = (row) => {
  const values = Object.keys(thresholds).map((_, i) =>
    row === 3 ? 0.04 + i / 50 : (((row * 37 + i * 53) % 97) + 1) / 99,
  );
  const probabilities = Object.fromEntries(Object.keys(thresholds).map((label, i) => [label, values[i]]));
  const chosen = Object.keys(thresholds).filter((label) => probabilities[label] >= thresholds[label]);
  return {
    similarity: null,
    measure: 'labels',
    probabilities,
    logits: values.map((p) => Math.log(p / (1 - p))),
    chosen,
  };
};
const both = (forward, backward = forward) => ({ forward: order(forward), backward: order(backward) });
const sentences = [
  ['高血压病人能不能喝咖啡？', 0.93, 0.91],
  ['血压偏高的人可以喝茶吗？', 0.72, 0.55],
  ['感冒了需要吃抗生素吗？', 0.08, 0.07],
  ['小孩发烧 38.5 ℃ 怎么办？', 0.03, 0.04],
  ['<img src=x onerror=alert(1)> 是文本', 0.31, 0.3],
  ['</script><script>document.body.remove()</script>', 0.02, 0.02],
  ['\u202e方向标记\u202c 不应打乱其他列', 0.22, 0.35],
  ['هل يمكن لمرضى الضغط شرب القهوة؟', 0.66, 0.64],
  ['𠮷野家的患者😀能喝咖啡吗？', 0.58, 0.57],
  [
    '糖尿病患者应当定期监测空腹血糖和餐后两小时血糖，并根据医生的建议调整饮食结构、运动量以及口服降糖药或胰岛素的用量。',
    0.11,
    0.12,
  ],
].map(([text, forward, backward], index) => ({
  id: index + 1,
  text,
  line: index * 2 + 3,
  score: both(forward, backward),
}));
const similarity = {
  revision: 1,
  follows: true,
  hasReference: true,
  done: 22,
  total: 22,
  stopped: false,
  model: { name: 'medical-pairs', description: '12 × 768 · 0 / 1 / 2' },
  documentName: '问答.txt',
  comparison: {
    kind: 'ranking',
    selected: { id: 0, text: '高血压患者可以喝咖啡吗？', line: 1 },
    reference: { text: '血压高的人能喝咖啡吗', score: both(0.871, 0.802) },
    sentences,
    leftOut: 0,
  },
  error: null,
};
const mention = (text, part, type, probability) => ({ start: text.indexOf(part), end: text.indexOf(part) + part.length, type, probability }); // prettier-ignore
const marked = [
  '患者因急性阑尾炎入院，予头孢曲松抗感染治疗。',
  '今日复查血常规，未诉不适。',
  '右上肺癌术后三年，无发热。',
];
const entityTexts = {
  kind: 'entities',
  selected: 1,
  texts: [
    [mention(marked[0], '急性阑尾炎', 'dis', 0.987), mention(marked[0], '阑尾', 'bod', 0.61), mention(marked[0], '头孢曲松', 'dru', 0.954)], // prettier-ignore
    [mention(marked[1], '血常规', 'ite', 0.871)],
    null,
  ].map((entities, id) => ({ id, text: marked[id], line: id + 1, entities })),
  leftOut: 0,
};
const chosen = ['高血压患者可以喝咖啡吗？', '血压高的人能喝咖啡吗', '感冒了需要吃抗生素吗？', '小孩发烧怎么办？'];
const values = [
  [0, 0.87, 0.06, 0.03],
  [0.8, 0, 0.05, 0.04],
  [0.07, 0.05, 0, 0.41],
  [0.03, 0.02, 0.33, 0],
];
const pairs = {
  ...similarity,
  comparison: {
    kind: 'pairs',
    texts: chosen.map((text, id) => ({ id, text, line: 2 * id + 1 })),
    scores: values.map((row, i) => row.map((value, j) => (i === j ? null : order(value)))),
    leftOut: 0,
  },
};
// What the starter encoder, which has no head, sends: cosines that lie closely together, the same in both orders.
const cosine = (similarity) => ({
  similarity,
  measure: 'cosine',
  probabilities: {},
  logits: [],
  place: { random: Math.min(1, (similarity - 0.78) / 0.12), same: Math.max(0, (similarity - 0.86) / 0.14) },
});
const bothCosines = (likeness) => {
  const score = cosine(0.8 + 0.18 * likeness);
  return { forward: score, backward: score };
};
const cosines = {
  ...similarity,
  model: { name: 'starter-zh', description: '12 × 384' },
  comparison: {
    ...similarity.comparison,
    reference: { text: '血压高的人能喝咖啡吗', score: bothCosines(0.84) },
    sentences: sentences.map((row) => ({ ...row, score: bothCosines(row.score.forward.similarity) })),
  },
};
const cosinePairs = {
  ...cosines,
  comparison: {
    ...pairs.comparison,
    scores: values.map((row, i) =>
      row.map((value, j) => (i === j ? null : cosine(0.8 + 0.18 * Math.max(value, values[j][i])))),
    ),
  },
};
// What a ranking model sends: a score of the second text for the first, of any sign.
const relevance = (likeness) => ({
  similarity: null,
  measure: 'relevance',
  probabilities: {},
  logits: [7 * likeness - 4.2],
});
const relevances = {
  ...similarity,
  model: { name: 'questions', description: '12 × 384 · score' },
  comparison: {
    ...similarity.comparison,
    reference: { text: '血压高的人能喝咖啡吗', score: { forward: relevance(0.84), backward: relevance(0.7) } },
    sentences: sentences.map((row) => ({ ...row, score: { forward: relevance(row.score.forward.similarity), backward: relevance(row.score.backward.similarity) } })), // prettier-ignore
  },
};
const relevancePairs = {
  ...relevances,
  comparison: {
    ...pairs.comparison,
    scores: values.map((row, i) => row.map((value, j) => (i === j ? null : relevance(value)))),
  },
};

const compared = (id, name, lr, best, shift, more = {}) => ({
  id,
  name,
  status: 'finished',
  step: 900,
  totalSteps: 900,
  seconds: 431 + 100 * shift,
  metric: 'accuracy',
  bestStep: best,
  steps,
  losses: losses.map((loss) => (loss === null ? null : loss * (1 + shift / 5))),
  evaluations: evaluations.map(({ step, epoch, metrics }) => ({ step, epoch, metrics: Object.fromEntries(Object.entries(metrics).map(([metric, value]) => [metric, value - shift / 20])) })), // prettier-ignore
  ...more,
});
const comparison = {
  runs: [
    compared('/w/runs/a', 'medical-pairs', '3e-5', 500, 0),
    compared('/w/runs/b', 'medical-pairs，学习率减半，冻结词向量（很长的名字）', '1.5e-5', 600, 1),
    compared('/w/runs/c', '<img src=x onerror=alert(1)>', '3e-5', null, 2, { status: 'interrupted', step: 640 }),
  ],
  metrics: [
    { name: 'accuracy', lowerIsBetter: false, values: [{ value: 0.779, low: 0.758, high: 0.798 }, { value: 0.764, low: 0.742, high: 0.784 }, { value: 0.679, low: null, high: null }] }, // prettier-ignore
    { name: 'macroF1', lowerIsBetter: false, values: [{ value: 0.741, low: 0.713, high: 0.768 }, { value: 0.722, low: 0.694, high: 0.75 }, null] }, // prettier-ignore
    { name: 'loss', lowerIsBetter: true, values: [{ value: 0.58, low: null, high: null }, { value: 0.53, low: null, high: null }, { value: 0.61, low: null, high: null }] }, // prettier-ignore
  ],
  testMetrics: [
    { name: 'accuracy', lowerIsBetter: false, values: [{ value: 0.771, low: 0.75, high: 0.791 }, { value: 0.758, low: 0.736, high: 0.778 }, null] }, // prettier-ignore
    { name: 'loss', lowerIsBetter: true, values: [{ value: 0.6, low: null, high: null }, { value: 0.55, low: null, high: null }, null] }, // prettier-ignore
  ],
  settings: [
    { name: 'train.optimizer.lr', values: ['0.00003', '0.000015', '0.00003'], differs: true },
    { name: 'train.trainable', values: ['all', 'no-embeddings', 'all'], differs: true },
    { name: 'train.seed', values: ['2021', '2021', '7'], differs: true },
    { name: 'train.batch_size', values: ['32', '32', '32'], differs: false },
  ],
  data: [
    { split: 'train', values: Array(3).fill({ file: 'train.json', rows: 5159, sha256: 'ed75e9e069e69f061c8d92e2' }), differs: false }, // prettier-ignore
    { split: 'validation', values: Array(3).fill({ file: 'validation.json', rows: 1102, sha256: '9039e7f89750b24e01a6' }), differs: false }, // prettier-ignore
  ],
};

const tensor = (name, ...shape) => ({ name, dataType: 'float32', shape });
const layerTensors = Array.from({ length: 12 }, (_, layer) => ['query', 'key', 'value'].flatMap((part) => [tensor(`bert.encoder.layer.${layer}.attention.self.${part}.weight`, 768, 768), tensor(`bert.encoder.layer.${layer}.attention.self.${part}.bias`, 768)])).flat(); // prettier-ignore
const modelDetail = {
  name: 'nlp_medical_structbert_backbone_base',
  folder:
    '/home/li/.config/Code/User/globalStorage/medtext-lab.medtext-lab/models/nlp_medical_structbert_backbone_base',
  isActive: true,
  hasHead: true,
  problem: null,
  detail: {
    facts: { contentHash: `sha256:${'3f9a'.repeat(16)}`, modelType: 'structbert', layers: 12, hiddenSize: 768, vocabSize: 21128, parameterCount: 102267648, sizeBytes: 409_412_044, license: 'Apache License 2.0', source: 'modelscope:damo/nlp_medical_structbert_backbone_base', revision: null, commit: '0f1e2d3c4b5a69788796a5b4c3d2e1f001234567', importedAt: '2026-11-24T08:00:00.000Z', labels: ['0', '1', '2'], hasMaskedLm: true }, // prettier-ignore
    config: { architectures: ['BertForMaskedLM'], hidden_size: 768, num_hidden_layers: 12, vocab_size: 21128 },
    tensors: [tensor('bert.embeddings.word_embeddings.weight', 21128, 768), ...layerTensors],
    tokenizer: { vocabSize: 21128, maskToken: '[MASK]' },
    tokenizerProblem: '',
  },
};

const chosenDevice = {
  device: 'webgpu',
  trials: [
    { device: 'cpu', passed: true, stepMilliseconds: 24 },
    { device: 'webgpu', passed: true, stepMilliseconds: 3.2 },
    { device: 'cuda', passed: false, fault: { code: 'noLibraries' } },
  ],
};

/** More than is free. */
const memoryPlan = { estimatedBytes: 2.9e9, availableBytes: 2.1e9, batchSize: 16, microBatchSize: 1 };

const names = ['不相关', '部分相关', '相关'];
const matrixOf = (canOpen) => ({
  labels: names,
  counts: [
    [612, 41, 7],
    [58, 390, 66],
    [3, 52, 367],
  ],
  canOpen,
  hasNone: false,
});
const measurement = {
  split: 'validation',
  file: 'validation.json',
  rows: 1596,
  answer: 'class',
  metrics: [
    { name: 'accuracy', value: 0.8578, low: 0.8398, high: 0.8741 },
    { name: 'macroF1', value: 0.8519, low: 0.8311, high: 0.87 },
    { name: 'microF1', value: 0.8578, low: null, high: null },
    { name: 'loss', value: 0.4127, low: null, high: null },
  ],
  baseline: { name: 'accuracy', value: 0.4135 },
  table: { columns: ['precision', 'recall', 'f1', 'support'], rows: names.map((name, i) => ({ name, values: [0.91 - i / 20, 0.93 - i / 15, 0.92 - i / 18, [660, 514, 422][i]] })) }, // prettier-ignore
  matrix: matrixOf(true),
};
const types = ['疾病', '症状', '药物', '检查'];
const confused = [
  [362, 14, 0, 1, 35],
  [19, 184, 0, 2, 25],
  [0, 0, 88, 0, 9],
  [0, 0, 0, 0, 1],
  [40, 21, 11, 0, 0],
];
const sumOf = (counts) => counts.reduce((sum, count) => sum + count, 0);
const typeScores = types.map((name, i) => {
  const [hits, support, predicted] = [confused[i][i], sumOf(confused[i]), sumOf(confused.map((row) => row[i]))];
  return { name, values: [hits / predicted, hits / support, (2 * hits) / (predicted + support), support, predicted] };
});
/** Of entities: the table by type, and the confusion with what was missed and what is spurious. */
const spansMeasured = {
  ...measurement,
  file: 'CMeEE_dev.json',
  rows: 1500,
  answer: 'spans',
  metrics: [
    { name: 'microF1', value: 0.8123, low: 0.8011, high: 0.8237 },
    { name: 'macroF1', value: 0.7741, low: 0.7566, high: 0.7902 },
    { name: 'microPrecision', value: 0.8042, low: null, high: null },
    { name: 'microRecall', value: 0.8206, low: null, high: null },
    { name: 'loss', value: 0.1127, low: null, high: null },
  ],
  baseline: null,
  table: { columns: ['precision', 'recall', 'f1', 'support', 'predicted'], rows: typeScores },
  matrix: {
    labels: types,
    counts: confused,
    canOpen: false,
    hasNone: true,
  },
};
const few = steps.filter((step) => step % 8 === 0);
const seriesOf = (name, value) => ({ name, steps: few, values: few.map(value) });
const rankingMeasured = {
  ...measurement,
  answer: 'rank',
  rows: 1538,
  metrics: [
    { name: 'ndcg@10', value: 0.8839, low: 0.8676, high: 0.8983 },
    ...Object.entries({ 'ndcg@1': 0.7017, mrr: 0.8755, map: 0.8739, 'recall@10': 0.9994, 'recall@1': 0.3469, loss: 1.2813 }).map(([name, value]) => ({ name, value, low: null, high: null })), // prettier-ignore
  ],
  baseline: { name: 'ndcg@10', value: 0.8421 },
  table: null,
  matrix: null,
};

const runPage = {
  kind: 'run',
  id: '/w/runs/a',
  title: 'medical-pairs',
  run: { ...ended, phase: 'finished', stoppedEarly: true, test: { metric: 'accuracy', value: 0.8492 } },
  series: [
    seriesOf('learningRate', (step) => 3e-5 * Math.min(step / 64, (900 - step) / 836)),
    seriesOf('gradientNorm', (step) => 1.4 + noise(step) * 2),
    seriesOf('examplesPerSecond', (step) => 148 + noise(step) * 30),
    seriesOf('memoryBytes', (step) => 2.1e9 + step * 1e5),
  ],
  measurements: [
    measurement,
    { ...measurement, split: 'test', file: 'test.json', rows: 1600, matrix: matrixOf(false) },
  ],
  stoppedAfter: 3,
  remarks: [],
  predictions: '',
  settings: [
    { name: 'task', value: 'sentence-similarity', standard: null },
    { name: 'model', value: '/w/models/structbert-medical-base-zh', standard: null },
    { name: 'train.max_epochs', value: '3', standard: '3' },
    { name: 'train.batch_size', value: '16', standard: '32' },
    { name: 'train.optimizer.lr', value: '0.00003', standard: '0.00002' },
    { name: 'train.seed', value: '2021', standard: '2021' },
  ],
  data: ['train', 'validation', 'test'].map((split, i) => ({ split, file: `${split}.json`, rows: [15002, 1596, 1600][i], dropped: 0, badRows: i === 0 ? 2 : 0, sha256: `${i}f9c2b7e05d4a8813`.repeat(4).slice(0, 64) })), // prettier-ignore
  environment: [
    { name: 'medtext', value: '0.1.0' },
    { name: 'onnxruntime', value: '1.30.0' },
    { name: 'cpu', value: 'AMD EPYC 7B13' },
  ],
  deviceChoice: [
    'CPU: chosen (41 ms for a step of a small encoder)',
    'WebGPU: left out, no graphics adapter, or no driver for it',
  ],
  note: '学习率加倍后更好；下一步换种子。<img src=x onerror=alert(1)>',
  tags: ['基线', 'seed 2021'],
  actions: ['use', 'evaluate', 'export', 'compare', 'fineTuneFurther', 'copyCommand', 'copyPython', 'openRecipe', 'openCard', 'reveal', 'openLog'], // prettier-ignore
};

const recipeShown = { task: 'sentence-similarity', model: 'library:structbert-medical-base-zh@sha256:1f9c2b7e05d4', dataset: { train: { file: 'KUAKE-QQR_train.json', first_sequence: 'query1', second_sequence: 'query2', label: 'label', labels: ['0', '1', '2'] }, validation: { file: 'KUAKE-QQR_dev.json' }, test: { file: 'KUAKE-QQR_test.json' } }, train: { max_epochs: 3, batch_size: 16, max_length: 'auto', optimizer: { lr: 2e-5 }, seed: 2021 }, device: 'auto' }; // prettier-ignore
const columnOf = (name, kind, values, distinct, examples, canBeText, canBeLabel) => ({ name, kind, values, distinct, examples, canBeText, canBeLabel }); // prettier-ignore
const fineTune = {
  state: 'ready',
  problem: '',
  models: [
    { id: '/m/a', name: 'structbert-medical-base-zh', hint: '12 × 768 · 102M' },
    { id: 'starter', name: 'Starter encoder', hint: 'comes with MedText Lab' },
  ],
  files: ['train', 'dev', 'test'].map((split) => ({
    id: `/d/KUAKE-QQR_${split}.json`,
    name: `KUAKE-QQR_${split}.json`,
  })),
  sheets: { train: [], validation: [], test: [] },
  tasks: [{ id: 'sentence-similarity', name: 'Sentence similarity', hint: 'a label for a pair' }],
  devices: ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'],
  chosen: { model: '/m/a', train: '/d/KUAKE-QQR_train.json', sheet: '', validationSheet: '', testSheet: '', validation: '/d/KUAKE-QQR_dev.json', test: '/d/KUAKE-QQR_test.json', first: 'query1', second: 'query2', label: 'label', task: 'sentence-similarity', device: 'auto', badRows: 'stop', spanEnd: '' }, // prettier-ignore
  rows: 15000,
  badRows: 0,
  columns: [
    columnOf('id', 'identifier', 200, 200, ['s1', 's2'], false, false),
    columnOf('query1', 'text', 200, 31, ['天价输液费', '高血压能喝咖啡吗'], true, false),
    columnOf('query2', 'text', 200, 200, ['输液价格', '<img src=x onerror=alert(1)>'], true, false),
    columnOf('label', 'class', 200, 3, ['0', '2'], false, true),
  ],
  labels: [
    ['0', 7142, 0],
    ['1', 4572, 0.5],
    ['2', 3286, 1],
  ].map(([name, count, score]) => ({ name, count, score })),
  labelCount: 3,
  asksSpanEnd: false,
  asksScale: false,
  lengths: { rows: 3000, median: 21, p99: 34, longest: 88, positions: 512 },
  forecast: null,
  forecastNote: 'Reading all rows for an estimate…',
  warnings: [],
  recipeName: 'KUAKE-QQR_train.medtext.json',
  recipe: JSON.stringify(recipeShown, undefined, 2),
};

const queryTasks = [
  { id: 'sentence-similarity', name: 'Sentence similarity', hint: 'a label for a pair' },
  { id: 'ranking', name: 'Ranking', hint: 'a score by which the texts of a query are ranked' },
];
const rankingShown = { task: 'ranking', model: 'starter', dataset: { train: { file: 'questions-train.jsonl', first_sequence: 'query', second_sequence: 'title', label: 'label' }, validation: { file: 'questions-dev.jsonl' } }, train: { max_epochs: 3, batch_size: 16, ranking_loss: 'listwise', max_candidates: 'auto' }, device: 'auto' }; // prettier-ignore
const fineTuneRanking = {
  ...fineTune,
  files: ['train', 'dev'].map((split) => ({ id: `/d/questions-${split}.jsonl`, name: `questions-${split}.jsonl` })),
  tasks: queryTasks,
  chosen: { ...fineTune.chosen, train: '/d/questions-train.jsonl', validation: '/d/questions-dev.jsonl', test: '', first: 'query', second: 'title', label: 'label', task: 'ranking' }, // prettier-ignore
  rows: 96,
  columns: [
    columnOf('query', 'text', 96, 24, ['高血压早上吃药还是晚上吃药'], true, false),
    columnOf('title', 'text', 96, 96, ['降压药什么时间吃效果好', '低血压头晕怎么办'], true, false),
    columnOf('label', 'number', 96, 3, ['2', '1', '0'], false, true),
  ],
  labels: [],
  labelCount: 0,
  recipeName: 'questions-train.medtext.json',
  recipe: JSON.stringify(rankingShown, undefined, 2),
};

const forecast = {
  examples: 13500, validation: 1500, badRows: 0, dropped: 0, duplicates: 0, shared: 0, cut: 0, maxLength: 88, steps: 2532, device: 'cpu',
  contradictions: { texts: 0, rowCount: 0, rows: [], examples: [] },
  memory: { estimatedBytes: 3.4e9, availableBytes: 9.1e9, batchSize: 16, microBatchSize: 16 },
  exceedsMemory: false,
  time: { seconds: 5400, run: 'KUAKE-QQR_train', endedAt: '2026-11-28T09:12:00Z', steps: 2528 },
}; // prettier-ignore
const contradictory = { texts: 14, rowCount: 31, rows: [3, 8], examples: [
  { first: '天价输液费', second: '输液价格', labels: ['1', '2'], lines: [4, 9], rows: [3, 8] },
  { first: '<img src=x onerror=alert(1)>', second: '高血压能喝咖啡吗', labels: ['0', '2'], lines: [1, 1, 1], rows: [39, 86, 90] },
] }; // prettier-ignore

export const scenes = {
  fineTune: {
    recognised: { ...fineTune, forecast, forecastNote: '' },
    unmeasured: { ...fineTune, forecast: { ...forecast, time: null }, forecastNote: '' },
    measured: { ...fineTune, forecast: { ...forecast, time: { seconds: 5900, run: null, endedAt: null, steps: 4 } }, forecastNote: '' }, // prettier-ignore
    contradictory: { ...fineTune, forecastNote: '', forecast: { ...forecast, contradictions: contradictory, exceedsMemory: true, time: null, memory: { estimatedBytes: 2.1e10, availableBytes: 9.1e9, batchSize: 16, microBatchSize: 1 } }, warnings: ['The memory will probably not be enough, even for one example at a time. Train fewer parameters (train.trainable), or shorten max_length.'] }, // prettier-ignore
    warned: { ...fineTune, badRows: 3, asksScale: true, chosen: { ...fineTune.chosen, validation: '', badRows: 'stop' }, labels: [['A', 7142], ['B', 12]].map(([name, count]) => ({ name, count, score: null })), labelCount: 2, warnings: ['3 rows cannot be read. The training stops at the first of them.', 'Without validation data, no best checkpoint can be chosen and overfitting stays hidden.'] }, // prettier-ignore
    ofQueries: { ...fineTuneRanking, forecast: { ...forecast, examples: 96, validation: 32, steps: 18, maxLength: 28, time: { seconds: 41, run: null, endedAt: null, steps: 4 } }, forecastNote: '' }, // prettier-ignore
    asking: { ...fineTune, state: 'asking', problem: 'Choose the training data.', forecastNote: '', chosen: { ...fineTune.chosen, train: '', validation: 'holdOut', test: '', first: '', second: '', label: '', task: '' }, rows: 0, columns: [], labels: [], labelCount: 0, lengths: null, tasks: [], recipeName: '', recipe: '' }, // prettier-ignore
  },
  runPage: {
    ended: runPage,
    underWay: { ...runPage, run, measurements: [], stoppedAfter: null, note: '', tags: [], actions: ['stop', 'stopNow', 'compare', 'copyCommand', 'openRecipe', 'reveal', 'openLog'] }, // prettier-ignore
    evaluation: { ...runPage, kind: 'evaluation', run: null, series: [], measurements: [{ ...measurement, split: '' }], stoppedAfter: null, settings: [], data: [], environment: [], deviceChoice: [], note: '', tags: [], actions: ['use', 'evaluate', 'export'] }, // prettier-ignore
    spans: { ...runPage, run: { ...runPage.run, metric: 'microF1', test: { metric: 'microF1', value: 0.8123 } }, measurements: [spansMeasured], stoppedAfter: null, tags: [], note: '' }, // prettier-ignore
    rankings: { ...runPage, run: { ...runPage.run, metric: 'ndcg@10', test: { metric: 'ndcg@10', value: 0.8839 } }, measurements: [rankingMeasured], stoppedAfter: null, tags: [], note: '' }, // prettier-ignore
    nothing: { ...runPage, kind: 'none', id: '', title: '', run: null, series: [], measurements: [], stoppedAfter: null, settings: [], data: [], environment: [], deviceChoice: [], note: '', tags: [], actions: [] }, // prettier-ignore
  },
  modelDetail: {
    model: modelDetail,
    broken: {
      ...modelDetail,
      isActive: false,
      detail: null,
      problem: { code: 'MODEL_CONFIG', message: 'config.json: hidden_size is missing.' },
    },
  },
  runComparison: {
    comparison,
    noRuns: { runs: [], metrics: [], testMetrics: [], settings: [], data: [] },
  },
  trainingView: {
    empty: { ...training, recipe: null, hasModels: false },
    idle: training,
    starting: { ...training, busy: true, run: { ...run, phase: 'starting', step: 0, totalSteps: 0, steps: [], losses: [], evaluations: [], best: null, epoch: undefined, loss: undefined, learningRate: undefined, gradientNorm: undefined, memoryBytes: undefined, sequenceLength: undefined, device: undefined, memoryPlan } }, // prettier-ignore
    running: { ...training, busy: true, run: { ...run, chosenDevice, precision: 'float16', memoryPlan: { ...memoryPlan, availableBytes: 8e9, microBatchSize: 4 } } }, // prettier-ignore
    evaluating: { ...training, recipe: { ...recipe, test: 'data/medical-pairs/test.json' }, busy: true, run: { ...run, evaluating: { split: 'test', done: 384, total: 1596, secondsLeft: 41 } } }, // prettier-ignore
    lost: { ...training, busy: true, run: { ...run, chosenDevice, device: 'cpu', lostDevice: 'webgpu' } },
    byType: { ...training, recipe: { ...recipe, name: 'entities', task: 'token-classification' }, run: { ...ended, phase: 'finished', name: 'entities', metric: 'microF1', best: { step: 500, value: 0.779 }, evaluations: evaluations.map(({ metrics, ...point }) => ({ ...point, metrics: { microF1: metrics.accuracy, macroF1: metrics.macroF1, loss: metrics.loss } })), scores: { step: 500, answer: 'spans', leftOut: 3, ...scoresOfTypes } } }, // prettier-ignore
    byLabel: { ...training, busy: true, run: { ...run, best: null, scores: { step: 600, answer: 'labels', highest: [...scoresOfTypes.highest, ...scoresOfTypes.lowest], leftOut: 0, lowest: [] } } }, // prettier-ignore
    elsewhere: { ...training, run: { ...run, place: { program: 'terminal' } }, others: [{ id: '/w/runs/b', name: 'departments', place: { program: 'window', machine: 'gpu-node-3' }, step: 120, totalSteps: 900 }] }, // prettier-ignore
    stopping: { ...training, busy: true, run: { ...run, phase: 'stopping' } },
    stopped: { ...training, run: { ...ended, phase: 'stopped', resumable: true } },
    failed: {
      ...training,
      trusted: false,
      recipe: { ...recipe, problem: '/train/batch_size expected an integer from 1 to 4096, found "x"' },
      run: { ...ended, phase: 'failed', resumable: true, error: { code: 'DIVERGED', message: 'The loss at step 641 is not a finite number. Lower the learning rate and resume.' } }, // prettier-ignore
    },
  },
  similarityPanel: {
    ranking: similarity,
    scoring: { ...similarity, done: 4, comparison: { ...similarity.comparison, reference: null, sentences: sentences.map((row, i) => (i < 2 ? row : { ...row, score: null })) } }, // prettier-ignore
    long: { ...similarity, done: 2416, total: 10000, comparison: { ...similarity.comparison, reference: null, leftOut: 7345, sentences: sentences.map((row, i) => (i < 6 ? row : { ...row, score: null })) } }, // prettier-ignore
    texts: { ...similarity, comparison: { kind: 'texts', selected: 1, texts: [{ id: 0, text: '高血压患者可以喝咖啡吗？', line: 1, score: unscaled(order(0.8)) }, ...sentences.map(({ id, text, line, score }) => ({ id, text, line, score: unscaled(score.forward) }))], leftOut: 0 } }, // prettier-ignore
    entities: { ...similarity, model: { name: 'entities', description: '12 × 768 · dis / sym / dru / ite' }, hasReference: false, comparison: entityTexts }, // prettier-ignore
    classes: { ...similarity, comparison: { ...similarity.comparison, reference: null, sentences: sentences.map((row) => ({ ...row, score: { forward: unscaled(row.score.forward), backward: unscaled(row.score.backward) } })) } }, // prettier-ignore
    severalLabels: { ...similarity, comparison: { kind: 'texts', selected: 2, texts: [{ id: 0, text: '发烧三天，咳嗽有痰。', line: 1, score: severalLabels(1) }, { id: 20, text: '复诊开药。', line: 2, score: severalLabels(3) }, ...sentences.map(({ id, text, line }) => ({ id, text, line, score: severalLabels(id + 1) }))], leftOut: 0 } }, // prettier-ignore
    severalLabelsOfPairs: { ...similarity, comparison: { ...similarity.comparison, reference: null, sentences: sentences.map((row) => ({ ...row, score: { forward: severalLabels(row.id + 1), backward: severalLabels(row.id + 2) } })) } }, // prettier-ignore
    pairs,
    cosines,
    cosinePairs,
    relevances,
    relevancePairs,
    noModel: { ...similarity, model: null, comparison: null, done: 0, total: 0 },
    error: { ...similarity, error: { code: 'CLOSED', message: 'The scorer process has ended.' } },
  },
};

/** What the host answers besides its first snapshot. */
export const pageAnswers = {
  tokenize: {
    truncated: false,
    tokens: ['[CLS]', '高', '血', '压', '能', '吃', 'as', '##pi', '##rin', '吗', '？', '[SEP]', '阿', '司', '匹', '林', '[UNK]', '[SEP]'].map((text, id) => ({ id, text, textIndex: /^.(CLS|SEP)/.test(text) ? null : id < 11 ? 0 : 1 })), // prettier-ignore
  },
  fillMask: [{ tokens: [['糖', 0.8412], ['压', 0.1033], ['脂', 0.031], ['量', 0.0042], ['病', 0.0011], ['##糖', 0.0009]].map(([text, probability]) => ({ text, probability })) }], // prettier-ignore
};
