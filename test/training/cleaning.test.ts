/** Texts that are cleaned as a recipe says: the run, its model, and whatever uses the model. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLEAN_OPERATIONS, type CleanOperation } from '../../src/base/cleanText';
import { openEntityMarker } from '../../src/evaluation/entityMarker';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { predictFile } from '../../src/evaluation/predictFile';
import { openEmbedder } from '../../src/inference/embedder';
import { openPairScorer } from '../../src/inference/pairScorer';
import { exportModel } from '../../src/exports/exportModel';
import { sentencesOf } from '../../src/extension/hover/sentenceAt';
import { ScoringService } from '../../src/extension/scoringService';
import { comparisonPlan } from '../../src/extension/views/comparisonPlan';
import type { SpanReport } from '../../src/protocol/evaluation';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import { finetune } from '../../src/training/finetune';
import { scorerEngine } from '../../src/worker/scorerEngine';
import { medtextJson } from '../cli/support/commandLine';
import { temporaryFolder } from '../data/support';
import { tinySentences, writeTinyEntities } from '../support/tinyEntities';
import { tinyRecipe } from '../support/tinyRecipe';

const clean = [...CLEAN_OPERATIONS];
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

/** The same text as a person pastes it; every operation has something to do. */
const soiled = (text: string): string =>
  `\u3000${[...text].map((character) => (/[!-~]/.test(character) ? String.fromCharCode(character.charCodeAt(0) + 0xfee0) : character)).join('\u200b')}&nbsp;\n`; // prettier-ignore

describe('cleaning in a run', function () {
  this.timeout(120_000);
  const temporary = temporaryFolder();

  async function train(recipe: Recipe, log: string[] = []) {
    return finetune({
      recipe: resolveRecipe(validateRecipe(recipe, 'test')),
      baseFolder: temporary.path('.'),
      log: (line) => log.push(line),
      onReport: () => undefined,
      onEvaluation: () => undefined,
      stopSignal: new AbortController().signal,
    });
  }

  it('gives the losses of clean data, and a model that reads soiled texts as clean ones', async () => {
    const plain = tinyRecipe(temporary.path('.'), {}, { device: 'cpu', threads: 1 });
    const onClean = await train(plain);
    for (const split of ['train', 'validation'] as const) {
      const file = plain.dataset[split]!.file;
      const rows = json(file) as Record<string, string>[];
      const pasted = rows.map((row) => ({ ...row, query1: soiled(row.query1), query2: soiled(row.query2) }));
      // A duplicate, but for how it is written.
      const twice = split === 'train' ? [{ ...rows[4] }, rows[9]] : [];
      writeFileSync(file, JSON.stringify([...pasted, ...twice]));
    }
    const dataset = { ...plain.dataset, clean, drop_duplicates: true };
    const log: string[] = [];
    const onSoiled = await train({ ...plain, dataset }, log);
    const losses = (run: string) =>
      readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { loss?: number; evaluation?: unknown }).map(({ loss, evaluation }) => loss ?? evaluation); // prettier-ignore
    assert.deepEqual(losses(onSoiled.run), losses(onClean.run));
    assert.ok(
      log.some((line) => line.includes('Texts are cleaned: html_entities, zero_width')),
      log.join('\n'),
    );
    assert.ok(log.some((line) => line.includes('left out: 2 rows')));
    const record = json(join(onSoiled.run, 'run.json'));
    assert.deepEqual([record.data.train.rows, record.data.train.duplicates], [64, 2]);
    assert.deepEqual(json(join(onSoiled.model, 'config.json')).medtext.clean, clean);
    const card = readFileSync(join(onSoiled.model, 'README.md'), 'utf8');
    assert.match(card, /Texts were cleaned before they were read: `html_entities`/);
    assert.match(card, /2 training rows with the texts and the label of an earlier one/);

    const scorer = await openPairScorer(onSoiled.model, { device: 'cpu' });
    const other = await openPairScorer(onClean.model, { device: 'cpu' });
    const [a, b] = ['高血压能喝咖啡吗 (140/90)', '血压高可以喝咖啡么'];
    const [ofClean, ofSoiled] = await scorer.score([{ first: a, second: b }, { first: soiled(a), second: soiled(b) }]); // prettier-ignore
    assert.deepEqual(ofSoiled, ofClean);
    const [raw, unlike] = await other.score([{ first: a, second: b }, { first: soiled(a), second: soiled(b) }]); // prettier-ignore
    raw.logits.forEach((logit, at) => assert.ok(Math.abs(logit - ofClean.logits[at]) < 1e-5));
    assert.ok(unlike.logits.some((logit, at) => Math.abs(logit - raw.logits[at]) > 1e-3), 'the soil matters to a model that does not clean'); // prettier-ignore
    await scorer.close();
    await other.close();

    const report = await evaluateModel(onSoiled.model, plain.dataset.validation!.file, { device: 'cpu' });
    assert.equal((report as { accuracy?: number }).accuracy, (onSoiled.best!.evaluation as { accuracy: number }).accuracy); // prettier-ignore

    const output = temporary.path('hf');
    await exportModel(onSoiled.model, output, { format: 'huggingface' });
    assert.deepEqual(json(join(output, 'config.json')).medtext.clean, clean, 'an export keeps it');
    assert.match(readFileSync(join(output, 'README.md'), 'utf8'), /have to do it themselves/);
    const embedder = await openEmbedder(onSoiled.model, { device: 'cpu' });
    const vectors = await embedder.embed([a, soiled(a)]);
    assert.deepEqual([...vectors.subarray(embedder.dimensions)], [...vectors.subarray(0, embedder.dimensions)]);
    await embedder.close();

    const { validation, ...again } = plain.dataset;
    assert.ok(validation);
    const further = await train({ ...plain, model: onSoiled.model, dataset: again });
    assert.deepEqual(
      json(join(further.run, 'recipe.medtext.json')).dataset.clean,
      clean,
      'a further training keeps it',
    );
    const without = await train({ ...plain, model: onSoiled.model, dataset: { ...again, clean: [] } });
    assert.equal(json(join(without.model, 'config.json')).medtext.clean, undefined);
  });

  it('is the same in hover, panel, score and predict: one score for a text, however it is written', async () => {
    const recipe = tinyRecipe(temporary.path('.'), {}, { device: 'cpu', threads: 1 });
    const { model } = await train({ ...recipe, dataset: { ...recipe.dataset, clean } });
    const reference = '高血压能喝咖啡吗 (140/90)';
    const [written, pasted] = ['血压>140可以喝咖啡么', '血压&gt;１４\u200b０可以\u00ad喝&#21654;啡么'];

    // Hover and panel, as the editor asks: sentences of a document, scored by the engine of the scorer's process.
    const scorer = await scorerEngine.openPairScorer(model, { device: 'cpu' });
    const scoring = new ScoringService(
      {
        scorePairs: (_model, pairs) => scorer.score(pairs),
        markEntities: () => Promise.reject(new Error('marks none')),
        request: () => Promise.reject(new Error('reads no file')),
      },
      () => ({ folder: model, device: 'cpu' }),
    );
    const document = `# 病历\n- ${reference}\n- ${written}\n- ${pasted}`;
    const sentences = sentencesOf(document).map(({ start, end }) => document.slice(start, end));
    assert.deepEqual(sentences, ['病历', reference, written, pasted]);
    const hover = (sentence: string) => scoring.score([{ first: reference, second: sentence }]).then(({ scores: [score] }) => score); // prettier-ignore
    const [ofWritten, ofPasted] = [await hover(written), await hover(pasted)];
    assert.deepEqual(ofPasted, ofWritten);
    const at = document.indexOf(reference);
    const plan = comparisonPlan(document, [{ start: at, end: at + reference.length }], undefined)!;
    const ranking = plan.comparison((await scoring.score(plan.pairs)).scores);
    assert.ok(ranking.kind === 'ranking');
    const inPanel = (text: string) => ranking.sentences.find((one) => one.text === text)!.score;
    assert.deepEqual(inPanel(pasted), inPanel(written));
    await scorer.close();

    const scores = (await Promise.all(
      [written, pasted].map(async (text) => (await medtextJson(['score', model, reference, text]))[0]),
    )) as { probabilities: Record<string, number> }[];
    assert.deepEqual(scores[1].probabilities, scores[0].probabilities);
    for (const [label, value] of Object.entries(ofWritten.probabilities))
      assert.ok(Math.abs(value - scores[0].probabilities[label]) < 1e-6);
    assert.ok(Object.keys(ofWritten.probabilities).length > 1);

    const input = temporary.path('rows.jsonl');
    writeFileSync(input, [written, pasted].map((query2) => `${JSON.stringify({ query1: reference, query2 })}\n`).join('')); // prettier-ignore
    const output = temporary.path('predicted.jsonl');
    await predictFile(model, input, output, { device: 'cpu' });
    const [first, second] = readFileSync(output, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    assert.deepEqual({ ...second, query2: written }, first);
    assert.equal(second.query2, pasted, 'the file keeps its texts');
  });

  it('finds entities at their places in the text as it stands', async () => {
    const folder = temporary.path('entities');
    if (!existsSync(folder)) mkdirSync(folder);
    const rows = tinySentences();
    writeTinyEntities(folder, rows);
    // Each character is followed by one that is never seen, and a sign stands as its reference: places move.
    const pasted = rows.map(({ text, entities }) => {
      const characters = [...`　&gt;${text}`];
      const place = (at: number) => 5 + 2 * at;
      const lead = characters.slice(0, 5).join('');
      const body = [...text].map((character) => `${character}\u200b`).join('');
      return {
        text: `${lead}${body}`,
        entities: entities.map(({ start_idx, end_idx, type }) => ({ start: place(start_idx), end: place(end_idx) + 1, type })), // prettier-ignore
      };
    });
    writeFileSync(join(folder, 'data.jsonl'), pasted.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const recipe: Recipe = {
      task: 'token-classification',
      model: join(folder, 'encoder'),
      dataset: {
        train: { file: join(folder, 'data.jsonl'), span_end: 'exclusive' },
        validation: { file: join(folder, 'data.jsonl') },
        clean,
      },
      train: { max_epochs: 12, batch_size: 10, optimizer: { lr: 3e-3 }, dropout: 0, seed: 3 },
      device: 'cpu',
      threads: 1,
      work_dir: join(folder, 'runs'),
    };
    const { model, best } = await train(recipe);
    assert.ok((best!.evaluation as SpanReport).microF1 > 0.95, `F1 ${(best!.evaluation as SpanReport).microF1}`);
    const marker = (await openEntityMarker(model, { device: 'cpu' }))!;
    const text = '患者有头痛，诊断为糖尿病。';
    const dirty = `  ${[...text].join('\u200b')}`;
    const [[...plain], [...marked]] = await marker.mark([text, dirty]);
    assert.deepEqual(plain.map(({ start, end }) => text.slice(start, end)), ['头痛', '糖尿病']); // prettier-ignore
    assert.deepEqual(marked.map(({ start, end }) => dirty.slice(start, end)), ['头\u200b痛', '糖\u200b尿\u200b病']); // prettier-ignore
    await marker.close();
    const output = join(folder, 'predicted.jsonl');
    await predictFile(model, join(folder, 'data.jsonl'), output, { device: 'cpu' });
    const [first] = readFileSync(output, 'utf8').split('\n');
    const written = JSON.parse(first) as { text: string; entities: unknown[] };
    assert.equal(written.text, pasted[0].text, 'the file stays as it is');
    assert.deepEqual(written.entities.length, pasted[0].entities.length);
  });

  it('refuses operations that it does not know, in a recipe and in a model', async () => {
    const recipe = tinyRecipe(temporary.path('.'));
    const dataset = { ...recipe.dataset, clean: ['lower' as CleanOperation] };
    assert.throws(() => validateRecipe({ ...recipe, dataset }, 'test'), /dataset\/clean\/0.*half_width/);
    const folder = temporary.path('newer');
    mkdirSync(folder);
    for (const name of ['vocab.txt']) writeFileSync(join(folder, name), readFileSync(join(recipe.model, name)));
    const config = json(join(recipe.model, 'config.json'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, medtext: { clean: ['lower'] } }));
    await assert.rejects(train({ ...recipe, model: folder }), /medtext.clean is \["lower"\]/);
  });
});
