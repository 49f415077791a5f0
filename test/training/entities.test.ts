/** Entities from a recipe to a model that marks them, in every form of file. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEntityMarker } from '../../src/evaluation/entityMarker';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { predictFile } from '../../src/evaluation/predictFile';
import { exportModel } from '../../src/exports/exportModel';
import { openClassifier } from '../../src/inference/openClassifier';
import type { SpanReport } from '../../src/protocol/evaluation';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import type { TrainingReport, TrainingResult } from '../../src/protocol/trainer';
import { finetune } from '../../src/training/finetune';
import { tinySentences, writeTinyEntities } from '../support/tinyEntities';

describe('entities', function () {
  this.timeout(120_000);
  let folder: string;
  const rows = tinySentences();
  const file = () => join(folder, 'data.jsonl');
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-entities-'));
    writeTinyEntities(folder, rows);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function train(
    more: Partial<Recipe>,
    steps: Recipe['train'] = {},
    { stopAfter, resumeFrom }: { stopAfter?: number; resumeFrom?: string } = {},
  ): Promise<{ result: TrainingResult; log: string[]; reports: TrainingReport[] }> {
    const log: string[] = [];
    const reports: TrainingReport[] = [];
    const recipe: Recipe = {
      task: 'token-classification',
      model: 'encoder',
      dataset: { train: { file: 'data.jsonl' }, validation: { file: 'data.jsonl' } },
      train: {
        max_epochs: 12,
        batch_size: 10,
        optimizer: { lr: 3e-3 },
        evaluate_every: 'epoch',
        dropout: 0,
        seed: 3,
        ...steps,
      },
      device: 'cpu',
      threads: 1,
      work_dir: 'runs',
      ...more,
    };
    const stop = new AbortController();
    const result = await finetune({
      resumeFrom,
      recipe: resolveRecipe(validateRecipe(recipe, 'test')),
      baseFolder: folder,
      log: (line) => log.push(line),
      onReport: (report) => {
        reports.push(report);
        if (report.step === stopAfter) stop.abort();
      },
      onEvaluation: () => undefined,
      stopSignal: stop.signal,
    });
    return { result, log, reports };
  }

  let tagger: string;
  const options = { device: 'cpu', threads: 1 };
  const found = (path: string) => readFileSync(path, 'utf8');

  it('are learned, chosen by micro F1, and told in log, record and card', async () => {
    const { result, log, reports } = await train({});
    tagger = result.model;
    assert.equal(result.best?.metric, 'microF1');
    assert.ok(result.best.value > 0.95, `micro F1 ${result.best.value}`);
    assert.ok(reports[0].loss > 1 && reports.at(-1)!.loss < 0.2);
    assert.ok(
      log.some((line) => /ends of "entities" are inclusive \(by the entities' own text\)/.test(line)),
      log.join('\n'),
    );
    assert.ok(
      log.some((line) => /3 labels: 疾病 \(45\), 症状 \(45\), 药物 \(45\)/.test(line)),
      log.join('\n'),
    );
    const card = found(join(tagger, 'README.md'));
    assert.match(card, /pipeline_tag: token-classification/);
    assert.match(card, /AutoModelForTokenClassification/);
    assert.match(card, /It marks entities of 3 types in a Chinese medical sentence/);
    const config = JSON.parse(found(join(tagger, 'config.json'))) as Record<string, unknown>;
    assert.deepEqual(config.architectures, ['BertForTokenClassification']);
    assert.deepEqual(Object.values(config.id2label as object), ['O', 'B-疾病', 'I-疾病', 'B-症状', 'I-症状', 'B-药物', 'I-药物']); // prettier-ignore
    assert.equal(config.problem_type, undefined);
  });

  it('go on bit for bit after a stop', async () => {
    const steps = { max_epochs: 2, dropout: 0.1 };
    const whole = await train({}, steps);
    const first = await train({}, steps, { stopAfter: 5 });
    assert.equal(first.result.status, 'stopped');
    const second = await train({}, steps, { resumeFrom: first.result.run });
    const losses = (reports: readonly TrainingReport[]) => reports.map(({ step, loss }) => `${step}: ${loss}`);
    assert.deepEqual([...losses(first.reports), ...losses(second.reports)], losses(whole.reports));
    const weights = (model: string) => readFileSync(join(model, 'model.safetensors'));
    assert.ok(weights(second.result.model).equals(weights(whole.result.model)));
  });

  it('are evaluated as the run said, with every type', async () => {
    const report = (await evaluateModel(tagger, file(), options)) as SpanReport;
    const record = JSON.parse(found(join(tagger, '../run.json'))) as { best: { evaluation: SpanReport } };
    assert.equal(report.microF1, record.best.evaluation.microF1);
    assert.ok(Math.abs(report.loss - record.best.evaluation.loss) < 1e-5);
    assert.deepEqual(report.labels, ['疾病', '症状', '药物']);
    assert.equal(report.entities, rows.reduce((sum, { entities }) => sum + entities.length, 0)); // prettier-ignore
    assert.equal(report.confusionMatrix.length, 4);
  });

  it('of a text come with their places in UTF-16 units and a probability, of a long one too', async () => {
    const marker = (await openEntityMarker(tagger, options))!;
    try {
      assert.deepEqual(marker.types, ['疾病', '症状', '药物']);
      const long = `𠀀肺炎伴发热，予布洛芬。`.repeat(12); // 144 tokens, of which the network reads 64 at a time
      const [short, whole, none] = await marker.mark(['𠀀肺炎伴发热，予布洛芬。', long, '，']);
      assert.deepEqual(
        short.map(({ start, end, type }) => [start, end, type]),
        [
          [2, 4, '疾病'],
          [5, 7, '症状'],
          [9, 12, '药物'],
        ],
      );
      assert.ok(short.every(({ probability }) => probability > 0.5 && probability <= 1));
      assert.equal(none.length, 0);
      const said = (type: string) => whole.filter((entity) => entity.type === type).map(({ start, end }) => long.slice(start, end)); // prettier-ignore
      // The encoder has never seen such a text; what matters is that each place is spoken for once, from end to end.
      assert.ok(said('疾病').length > 6 && said('疾病').every((word) => '肺炎'.startsWith(word)), said('疾病').join());
      assert.ok(whole.every(({ start }, i) => i === 0 || start >= whole[i - 1].end));
      assert.ok(whole.some(({ start }) => start < 24) && whole.some(({ end }) => end > long.length - 24));
      assert.deepEqual(
        [...whole].sort((a, b) => a.start - b.start),
        whole,
      );
    } finally {
      await marker.close();
    }
  });

  it('are written into the form of the file that is predicted', async () => {
    const [first] = rows;
    const forms: Record<string, { name: string; input: string; same: string }> = {
      'the same fields': { name: 'a.jsonl', input: `${JSON.stringify({ id: 7, text: first.text, entities: [{ start_idx: 0, end_idx: 0, type: '疾病', entity: '患' }] })}\n`, same: `${JSON.stringify({ id: 7, ...first })}\n` }, // prettier-ignore
      'lists of doccano': { name: 'b.jsonl', input: `${JSON.stringify({ text: first.text, label: [[0, 1, '疾病'], [1, first.text.length, '疾病']] })}\n`, same: `${JSON.stringify({ text: first.text, label: first.entities.map((one) => [one.start_idx, one.end_idx + 1, one.type]) })}\n` }, // prettier-ignore
      'a new field': { name: 'c.json', input: JSON.stringify([{ text: first.text }]), same: JSON.stringify([{ text: first.text, entities: first.entities.map((one) => ({ start: one.start_idx, end: one.end_idx + 1, type: one.type, text: one.entity })) }]) }, // prettier-ignore
      'a cell of JSON': { name: 'd.csv', input: `text,entities\n${first.text},[]\n`, same: `text,entities\n${first.text},"${JSON.stringify(first.entities.map((one) => ({ start: one.start_idx, end: one.end_idx + 1, type: one.type, text: one.entity }))).replaceAll('"', '""')}"\n` }, // prettier-ignore
    };
    for (const [form, { name, input, same }] of Object.entries(forms)) {
      writeFileSync(join(folder, name), input);
      const { rows: written, counts } = await predictFile(
        tagger,
        join(folder, name),
        join(folder, `out-${name}`),
        options,
      );
      assert.equal(written, 1, form);
      assert.deepEqual(JSON.parse(JSON.stringify(counts)), { 疾病: 1, 症状: 1, 药物: 0 }, form);
      assert.equal(found(join(folder, `out-${name}`)), same, form);
    }
  });

  it('are written into the column of the training, or the one named, of test data that has none', async () => {
    const given = rows.slice(0, 2).map(({ text }) => ({ text }));
    for (const [name, test] of Object.entries({
      'none.jsonl': given,
      'empty.jsonl': given.map((row) => ({ ...row, entities: [] })),
    })) {
      writeFileSync(join(folder, name), test.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const dataset = { train: { file: 'data.jsonl' }, validation: { file: 'data.jsonl' }, test: { file: name } };
      const { result } = await train({ dataset }, { max_epochs: 1 });
      const written = found(result.predictions!)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      assert.deepEqual(written.map((row) => Object.keys(row)), [['text', 'entities'], ['text', 'entities']], name); // prettier-ignore
    }
    const { column } = await predictFile(tagger, join(folder, 'none.jsonl'), join(folder, 'out-named.jsonl'), { ...options, label: 'found' }); // prettier-ignore
    assert.equal(column, 'found');
    assert.deepEqual(Object.keys(JSON.parse(found(join(folder, 'out-named.jsonl')).split('\n')[0])), ['text', 'found']);
  });

  it('are written as tags and as standoff, too', async () => {
    const [{ text, entities }] = rows;
    const tagged = (tagOf: (at: number) => string) => `${[...text].map((one, at) => `${one}\t${tagOf(at)}\n`).join('')}\n`; // prettier-ignore
    const tag = (at: number) => {
      const entity = entities.find((one) => one.start_idx <= at && at <= one.end_idx);
      return entity ? `${at === entity.start_idx ? 'B' : 'M'}-${entity.type}`.replace('M', at === entity.end_idx ? 'E' : 'M') : 'O'; // prettier-ignore
    };
    writeFileSync(join(folder, 'tags.txt'), tagged((at) => (at === 0 ? 'S-疾病' : at === 1 ? 'B-疾病' : at === 2 ? 'M-疾病' : at === 3 ? 'E-疾病' : 'O'))); // prettier-ignore
    await predictFile(tagger, join(folder, 'tags.txt'), join(folder, 'out-tags.txt'), options);
    assert.equal(found(join(folder, 'out-tags.txt')), tagged(tag));

    mkdirSync(join(folder, 'brat'));
    writeFileSync(join(folder, 'brat/one.txt'), text);
    writeFileSync(join(folder, 'brat/one.ann'), '');
    await predictFile(tagger, join(folder, 'brat'), join(folder, 'out-brat'), options);
    assert.equal(found(join(folder, 'out-brat/one.txt')), text);
    const lines = entities.map((one, i) => `T${i + 1}\t${one.type} ${one.start_idx} ${one.end_idx + 1}\t${one.entity}\n`); // prettier-ignore
    assert.equal(found(join(folder, 'out-brat/one.ann')), lines.join(''));
    await assert.rejects(predictFile(tagger, join(folder, 'brat'), join(folder, 'out-brat'), options), { code: 'IO' });
  });

  it('go to ONNX and transformers, and come back from there', async () => {
    const { checked } = await exportModel(tagger, join(folder, 'onnx'), { format: 'onnx', threads: 1 });
    assert.equal(checked?.of, 'validation');
    assert.equal(checked.changedAnswers, 0);
    assert.ok(
      checked.largestDifference < 1e-3 &&
        checked.metric?.name === 'microF1' &&
        checked.metric.before === checked.metric.after,
    );
    await exportModel(tagger, join(folder, 'hf'), { format: 'huggingface', threads: 1 });
    const before = (await evaluateModel(tagger, file(), options)) as SpanReport;
    for (const name of ['onnx', 'hf']) {
      const after = (await evaluateModel(join(folder, name), file(), options)) as SpanReport;
      assert.deepEqual(after.confusionMatrix, before.confusionMatrix, name);
    }
  });

  it('are not asked of what answers texts, nor texts of what marks entities', async () => {
    await assert.rejects(openClassifier(tagger, options), { code: 'UNSUPPORTED', message: /the entities of a text/ });
    const other = { ...(await recipeOfTexts()) };
    assert.equal(await openEntityMarker(other.model, options), undefined);
  });

  async function recipeOfTexts(): Promise<TrainingResult> {
    const texts = rows.map(({ text }, i) => ({ text, label: String(i % 2) }));
    writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts));
    const dataset = { train: { file: 'texts.json' } };
    return (await train({ task: 'text-classification', dataset }, { max_epochs: 1 })).result;
  }

  it('may lie in one another for a head of spans, which transformers does not have', async () => {
    const nested = rows.map(({ text, entities }) => ({
      text,
      entities: entities.flatMap((one) => (one.entity === '胃溃疡' ? [one, { ...one, end_idx: one.start_idx, type: '部位', entity: '胃' }] : [one])), // prettier-ignore
    }));
    writeFileSync(join(folder, 'nested.jsonl'), nested.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const dataset = { train: { file: 'nested.jsonl' }, validation: { file: 'nested.jsonl' } };
    const flat = await train({ dataset }, { max_epochs: 1 });
    assert.ok(flat.log.some((line) => /pairs of entities overlap/.test(line)));
    assert.ok(flat.log.some((line) => /left out: \d+ entities that overlap a longer one/.test(line)));
    const { result } = await train({ dataset, model_head: { type: 'spans' } }, { max_epochs: 16 });
    assert.ok(result.best!.value > 0.95, `micro F1 ${result.best!.value}`);
    const report = (await evaluateModel(result.model, join(folder, 'nested.jsonl'), options)) as SpanReport;
    assert.equal(report.microF1, result.best!.value);
    assert.ok(Math.abs(report.loss - result.best!.evaluation!.loss) < 1e-4);
    const { checked } = await exportModel(result.model, join(folder, 'spans-onnx'), { format: 'onnx', threads: 1 });
    assert.equal(checked?.changedAnswers, 0);
    await assert.rejects(exportModel(result.model, join(folder, 'spans-hf'), { format: 'huggingface', threads: 1 }), {
      code: 'UNSUPPORTED',
      message: /spans/,
    });
    assert.match(found(join(result.model, 'README.md')), /has no class in transformers/);
  });

  it('are refused where a recipe contradicts them', () => {
    const wrong = (more: object) =>
      validateRecipe({ task: 'token-classification', model: 'm', dataset: { train: { file: 'f' } }, ...more }, 'test');
    assert.throws(() => wrong({ train: { class_weights: 'balanced' } }), /class_weights/);
    assert.throws(() => wrong({ train: { r_drop: { alpha: 1 } } }), /r_drop/);
    assert.throws(() => wrong({ model_head: { pooling: 'mean' } }), /reads every token/);
    assert.throws(
      () => validateRecipe({ task: 'regression', model: 'm', dataset: { train: { file: 'f' } }, model_head: { type: 'bio' } }, 'test'), // prettier-ignore
      /has no head of this type/,
    );
  });
});
