/** Continued pretraining from texts to a model folder. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskFiller } from '../../src/inference/maskFiller';
import { openModel } from '../../src/inference/openModel';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import type { PretrainingReport } from '../../src/protocol/evaluation';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import { runRecord, type RunRecord } from '../../src/protocol/runRecord';
import type { EvaluationReport, PreparationProgress, TrainingReport } from '../../src/protocol/trainer';
import { finetune, type FinetuneOptions } from '../../src/training/finetune';
import { tinyRecipe } from '../support/tinyRecipe';

const samples = join(__dirname, '../../samples');

describe('continued pretraining', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-pretraining-'));
    cpSync(join(samples, 'notes'), join(folder, 'notes'), { recursive: true });
    cpSync(join(samples, 'terms.txt'), join(folder, 'terms.txt'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function recipe(
    train: Recipe['train'] = {},
    dataset: Recipe['dataset'] = { train: { file: 'notes' }, split: { validation: 0.2 } },
  ): Recipe {
    // prettier-ignore
    return {
      task: 'masked-language-modeling',
      model: tinyRecipe(folder).model,
      dataset,
      train: { max_epochs: 6, batch_size: 8, max_length: 48, optimizer: { lr: 3e-3 }, evaluate_every: 8, seed: 3, masking: { terms: 'terms.txt' }, ...train }, // prettier-ignore
      work_dir: join(folder, 'runs'),
    };
  }

  async function run(given: Recipe, options: Partial<FinetuneOptions> = {}) {
    const reports: TrainingReport[] = [];
    const evaluations: EvaluationReport[] = [];
    const log: string[] = [];
    const result = await finetune({
      recipe: resolveRecipe(validateRecipe(given, 'test')),
      baseFolder: folder,
      onReport: (report) => reports.push(report),
      onEvaluation: (report) => evaluations.push(report),
      log: (line) => log.push(line),
      stopSignal: new AbortController().signal,
      ...options,
    });
    return { result, reports, evaluations, log };
  }

  const perplexityOf = ({ evaluation }: EvaluationReport) => (evaluation as PretrainingReport).perplexity;
  const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const recordIn = (path: string): RunRecord => runRecord(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')));
  const runFolders = () => readdirSync(join(folder, 'runs')).filter((name) => !name.startsWith('.'));

  it('learns: perplexity falls, the best model is kept, and it fills in masks', async () => {
    const { result, evaluations, reports, log } = await run(recipe());
    assert.equal(result.status, 'finished');
    const perplexities = evaluations.map(perplexityOf);
    assert.ok(perplexities.at(-1)! < 0.7 * perplexities[0], `${perplexities}`);
    assert.equal(result.best?.metric, 'perplexity');
    assert.equal(result.best.value, Math.min(...perplexities));
    assert.ok(reports.every(({ lossParts }) => lossParts && lossParts.masked_accuracy >= 0 && lossParts.masked_accuracy <= 1)); // prettier-ignore
    assert.ok(
      log.some((line) => /12 files, each a document/.test(line)),
      log.join('\n'),
    );

    const config = JSON.parse(readFileSync(join(result.model, 'config.json'), 'utf8'));
    assert.deepEqual(config.architectures, ['BertForMaskedLM']);
    assert.equal(config.id2label, undefined);
    assert.equal(JSON.parse(readFileSync(join(result.model, 'configuration.json'), 'utf8')).task, 'fill-mask');
    const filler = await MaskFiller.open(result.model);
    const [{ tokens }] = await filler.fill('患者，男，58岁。诊断：高血[MASK]病。', 3);
    assert.equal(tokens.length, 3);
    await filler.close();
    await assert.rejects(openModel(result.model), { code: 'UNSUPPORTED', message: /fills masks in .*Fine-tune it/ });
    const card = readFileSync(join(result.model, 'README.md'), 'utf8');
    assert.match(card, /pipeline_tag: fill-mask/);
    assert.match(card, /characters, [\d,]+ tokens in all, .*ICU \d/);
    assert.doesNotMatch(card, /患者，男/);
  });

  it('says of its data how much there was, and by which words', async () => {
    const prepared: PreparationProgress[] = [];
    const { result } = await run(recipe({ max_epochs: 1 }), { onPreparation: (progress) => prepared.push(progress) });
    assert.ok(prepared.length > 0 && prepared.every(({ doneBytes, totalBytes }) => doneBytes <= totalBytes && totalBytes === 5536)); // prettier-ignore
    const { data } = recordIn(result.run);
    assert.equal(data.train.rows, 12);
    const characters = readdirSync(join(folder, 'notes')).reduce((sum, name) => sum + readFileSync(join(folder, 'notes', name), 'utf8').replaceAll('\n', '').length, 0); // prettier-ignore
    assert.equal(data.train.characters, characters);
    assert.equal(data.train.icu, process.versions.icu);
    assert.ok(data.train.sequences! > data.validation.sequences!);
    assert.ok(existsSync(join(folder, 'runs', '.corpora')));
    assert.deepEqual(
      readdirSync(join(folder, 'notes')).filter((name) => !/^\d\d-\w+\.txt$/.test(name)),
      [],
    );
  });

  it('reads tables and texts as the recipe says that they are', async () => {
    const notes = readdirSync(join(folder, 'notes')).map((name) => `${name}${readFileSync(join(folder, 'notes', name), 'utf8').replace(/\P{L}+/gu, '')}`.slice(0, 25)); // prettier-ignore
    writeFileSync(join(folder, 'notes.csv'), notes.map((note) => `${note}\n`).join(''));
    writeFileSync(join(folder, 'utf16.txt'), Buffer.from(notes.join('\n'), 'utf16le'));
    for (const train of [
      { file: 'notes.csv', header: false },
      { file: 'utf16.txt', encoding: 'utf-16le' },
    ] as const) {
      const { result } = await run(recipe({ max_epochs: 1 }, { train, split: { validation: 0.2 } }));
      assert.equal(recordIn(result.run).data.train.rows, notes.length);
    }
  });

  it('keeps a pooler that it does not train, and writes the bias for transformers and for ModelScope', async () => {
    const first = await run(recipe({ max_epochs: 1 }));
    const again = await run({ ...recipe({ max_epochs: 1 }), model: first.result.model });
    const values = async (model: string, name: string) => {
      const checkpoint = await openCheckpoint(join(model, 'model.safetensors'));
      const tensor = checkpoint.tensors.get(name)!;
      const read = new Float32Array(tensor.shape.reduce((a, b) => a * b));
      await tensor.read(read);
      await checkpoint.close();
      return read;
    };
    const pooler = 'bert.pooler.dense.weight';
    assert.deepEqual(await values(again.result.model, pooler), await values(first.result.model, pooler));
    const word = 'bert.embeddings.word_embeddings.weight';
    assert.notDeepEqual(await values(again.result.model, word), await values(first.result.model, word));
    assert.deepEqual(await values(again.result.model, 'cls.predictions.bias'), await values(again.result.model, 'cls.predictions.decoder.bias')); // prettier-ignore
    assert.ok(again.log.some((line) => /missing/.test(line)) === false, 'the head is read');
    assert.ok(
      again.log.some((line) => /^44 terms of terms\.txt are masked whole$/.test(line)),
      again.log.join('\n'),
    );
    const card = readFileSync(join(again.result.model, 'README.md'), 'utf8');
    assert.match(card, /whose pretraining was continued from \*\*model\*\* on [\d,]+ characters of text/);
    assert.doesNotMatch(card, /medtext predict/);
  });

  it("learns StructBERT's objectives, each reported", async () => {
    const { evaluations, reports } = await run(recipe({ struct_bert: { shuffled_share: 0.1 }, max_epochs: 4 }));
    assert.deepEqual(Object.keys(reports[0].lossParts!).sort(), ['masked', 'masked_accuracy', 'sentence', 'sentence_accuracy', 'shuffled', 'shuffled_accuracy']); // prettier-ignore
    for (const { loss, lossParts } of reports) {
      const { masked, shuffled, sentence } = lossParts!;
      assert.ok(Math.abs(loss - masked - shuffled - sentence) < 1e-4 * loss);
    }
    const report = evaluations.at(-1)!.evaluation as PretrainingReport;
    for (const value of [report.shuffledLoss, report.shuffledAccuracy, report.sentenceLoss, report.sentenceAccuracy]) assert.ok(value !== undefined && value >= 0); // prettier-ignore
    assert.ok(Math.abs(report.sentenceLoss! - Math.log(3)) < 0.7, `${report.sentenceLoss}`);
  });

  it('is an encoder to fine-tune', async () => {
    const { result } = await run(recipe({ max_epochs: 1 }));
    const tuned = await run({ ...tinyRecipe(folder, { max_epochs: 1 }), model: result.model });
    assert.equal(tuned.result.status, 'finished');
    assert.ok(tuned.log.some((line) => /masked-language-model head, which this task does not use/.test(line)));
  });

  describe('killed', () => {
    async function killed(given: Recipe, place: string): Promise<string> {
      const file = join(folder, 'killed.medtext.json');
      writeFileSync(file, JSON.stringify(given));
      const before = existsSync(join(folder, 'runs')) ? runFolders() : [];
      const child = spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'killedChild.ts'), file, folder, place], { stdio: ['ignore', 'ignore', 'inherit'], cwd: join(__dirname, '../..') }); // prettier-ignore
      assert.equal(await new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal))), 'SIGKILL');
      return join(
        folder,
        'runs',
        runFolders().find((name) => !before.includes(name))!,
      );
    }

    const left = (path: string) => {
      const [checkpoint] = readdirSync(join(path, 'checkpoints'));
      const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
      return {
        weights: sha256(join(path, 'model/model.safetensors')),
        optimizer: sha256(join(path, 'checkpoints', checkpoint, 'optimizer.safetensors')),
        losses: lines.map(({ step, loss, lossParts, evaluation }) => ({ step, loss, lossParts, evaluation })),
        best: recordIn(path).best,
      };
    };

    it('between two steps, and in an evaluation, it ends as if it had not been', async () => {
      const given = recipe({ max_epochs: 3, struct_bert: {} });
      const whole = left((await run(given)).result.run);
      for (const place of ['step 11', 'validation 3']) {
        const path = await killed(given, place);
        const { result } = await run(given, { resumeFrom: path });
        assert.equal(result.status, 'finished');
        assert.deepEqual(left(path), whole, place);
      }
    });

    it('and goes on without its prepared texts, which are prepared again; not with texts that changed', async () => {
      const given = recipe({ max_epochs: 3 });
      const whole = left((await run(given)).result.run);
      const path = await killed(given, 'step 11');
      rmSync(join(folder, 'runs', '.corpora'), { recursive: true });
      const text = readFileSync(join(folder, 'notes/01-diabetes.txt'));
      writeFileSync(join(folder, 'notes/01-diabetes.txt'), 'changed');
      await assert.rejects(run(given, { resumeFrom: path }), { code: 'RESUME', message: /contents changed/ });
      writeFileSync(join(folder, 'notes/01-diabetes.txt'), text);
      const terms = readFileSync(join(folder, 'terms.txt'));
      writeFileSync(join(folder, 'terms.txt'), '糖尿病\n');
      await assert.rejects(run(given, { resumeFrom: path }), { code: 'RESUME', message: /terms\.txt is not the file/ });
      writeFileSync(join(folder, 'terms.txt'), terms);
      const record = recordIn(path);
      const otherIcu = { ...record, data: { ...record.data, train: { ...record.data.train, icu: '1.0' } } };
      writeFileSync(join(path, 'run.json'), JSON.stringify(otherIcu));
      await assert.rejects(run(given, { resumeFrom: path }), { code: 'RESUME', message: /segments words differently/ });
      writeFileSync(join(path, 'run.json'), JSON.stringify(record));
      await run(given, { resumeFrom: path });
      assert.deepEqual(left(path), whole);
    });
  });
});
