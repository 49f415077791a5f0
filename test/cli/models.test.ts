import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPairScorer } from '../../src/inference/pairScorer';
import { medtext, medtextFails, medtextJson } from './support/commandLine';
import { writeTinyModel } from './support/tinyModel';

const rows = [
  { id: 1, query1: '肺炎怎么治疗', query2: '肺炎的治疗方法', label: '2' },
  { id: 2, query1: '感冒吃什么药', query2: '高血压有什么症状', label: '0' },
  { id: 3, query1: '糖尿病怎么治', query2: '糖尿病吃什么药', label: '1' },
  { id: 4, query1: '头痛挂什么科', query2: '头痛挂号', label: '2' },
];

const foreign = join(__dirname, '..', 'fixtures', 'foreignFolders');
/** float32 of another program's kernels, written with six decimals. */
const near = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 3e-6, `${value} ≈ ${expected}`);

describe('medtext: commands on a model', () => {
  let folder: string;
  let model: string;
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-cli-'));
    model = await writeTinyModel(join(folder, 'model'), {
      labels: ['0', '1', '2'],
      usage: { task: 'sentence-similarity', max_length: 32 },
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('score: the contract, and the numbers of the engine', async () => {
    const [result, ...more] = await medtextJson(['score', model, '肺炎怎么治疗', '肺炎的治疗方法']);
    assert.deepEqual(more, []);
    assert.deepEqual(Object.keys(result), ['similarity', 'measure', 'probabilities', 'logits']);
    assert.deepEqual(Object.keys(result.probabilities), ['0', '1', '2']);
    const p = Object.values<number>(result.probabilities);
    assert.ok(Math.abs(p[0] + p[1] + p[2] - 1) < 1e-12);
    assert.ok(Math.abs(result.similarity - (0.5 * p[1] + p[2])) < 1e-12);
    const scorer = await openPairScorer(model, { device: 'cpu' });
    const [expected] = await scorer.score([{ first: '肺炎怎么治疗', second: '肺炎的治疗方法' }]);
    await scorer.close();
    assert.deepEqual(result, expected);

    const people = await medtext(['score', model, '肺炎怎么治疗', '肺炎的治疗方法']);
    assert.match(people.stdout, new RegExp(`^similarity  ${expected.similarity!.toFixed(3)} `));
  });

  it('every command that reads a model takes its name in the library', async () => {
    const env = { MEDTEXT_MODELS: folder };
    const data = file('named.json', JSON.stringify(rows));
    const [{ rows: evaluated }] = await medtextJson(['evaluate', 'model', '--data', data], { env });
    assert.equal(evaluated, 4);
    const [predicted] = await medtextJson(['predict', 'model', '--data', data, '--output', join(folder, 'named.out.json')], { env }); // prettier-ignore
    assert.equal(predicted.rows, 4);
    const [{ embedding }] = await medtextJson(['embed', 'model', '肺炎'], { env });
    assert.equal(typeof embedding[0], 'number');
    const [{ words: gaps }] = await medtextJson(['extend', 'model', '--texts', file('gaps.txt', '肺炎怎么治疗')], {
      env,
    });
    assert.ok(gaps.length > 0);
    const [{ format }] = await medtextJson(['export', 'model', '--output', join(folder, 'named-export')], { env });
    assert.equal(format, 'huggingface');
  });

  it('score: an empty text is none', async () => {
    assert.match(await medtextFails(['score', model, '肺炎', ' '], 2, 'USAGE'), /A text is empty/);
    assert.match(await medtextFails(['score', '', ''], 2, 'USAGE'), /A text is empty/);
  });

  it('score --against: ranked, from lines and from a column', async () => {
    const lines = file('lines.txt', '肺炎的治疗方法\n\n感冒怎么治\n高血压吃什么药\n');
    const [{ rows: count, results }] = await medtextJson([
      'score',
      model,
      '肺炎怎么治疗',
      '--against',
      lines,
      '--top',
      '2',
    ]);
    assert.equal(count, 3);
    assert.equal(results.length, 2);
    assert.ok(results[0].similarity >= results[1].similarity);
    for (const { text, line } of results) {
      assert.equal(text, { 1: '肺炎的治疗方法', 3: '感冒怎么治', 4: '高血压吃什么药' }[line as 1 | 3 | 4]);
    }
    const [single] = await medtextJson(['score', model, '肺炎怎么治疗', results[0].text]);
    assert.ok(Math.abs(single.similarity - results[0].similarity) < 1e-6);

    const json = file('bank.json', JSON.stringify(rows));
    const [second] = await medtextJson(['score', model, '肺炎怎么治疗', '--against', json, '--column', 'query2']);
    assert.deepEqual(new Set(second.results.map((r: { text: string }) => r.text)), new Set(rows.map((r) => r.query2)));
    assert.match(
      await medtextFails(['score', model, 'a', '--against', json, '--column', 'x'], 1, 'NOT_FOUND'),
      /query2/,
    );
    const mixed = file('mixed.jsonl', '{"text":"感冒"}\n{"text":39.5}\n{"text": }\n{"text":null}\n');
    const { stdout, stderr } = await medtext(['score', model, '发热', '--against', mixed, '--json']);
    assert.deepEqual(
      new Set(JSON.parse(stdout).results.map((r: { text: string }) => r.text)),
      new Set(['感冒', '39.5']),
    );
    assert.match(stderr, /mixed\.jsonl: 2 rows left out/);
    await medtextFails(['score', model, 'a', 'b', '--against', json], 2, 'USAGE');
    await medtextFails(['score', model, 'a', 'b', '--top', '3'], 2, 'USAGE');
    await medtextFails(['score', model, 'a'], 2, 'USAGE');
  });

  it('evaluate: the contract', async () => {
    const data = file('dev.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const [report] = await medtextJson(['evaluate', model, '--data', data]);
    const contract = ['rows', 'loss', 'accuracy', 'accuracyInterval', 'majorityBaseline', 'microF1', 'macroF1'];
    for (const key of [...contract, 'perClass', 'confusionMatrix', 'labels']) assert.ok(key in report, key);
    assert.equal(report.rows, 4);
    assert.equal(report.majorityBaseline, 0.5);
    assert.deepEqual(report.labels, ['0', '1', '2']);
    assert.equal(
      report.confusionMatrix.flat().reduce((a: number, b: number) => a + b),
      4,
    );
    const people = await medtext(['evaluate', model, '--data', data]);
    assert.match(people.stdout, /majority baseline +50\.0 %/);
    assert.match(people.stdout, /true \\ predicted +0 +1 +2\n/);
  });

  it('evaluate: labels that the model does not know are listed, or mapped', async () => {
    const data = file('odd.csv', 'query1,query2,label\n肺炎,感冒,2\n头痛,手术,yes\n头痛,胃镜,NA\n');
    assert.match(
      await medtextFails(['evaluate', model, '--data', data], 1, 'LABELS'),
      /"yes" in 1 row, first on line 3/,
    );
    const [report] = await medtextJson(['evaluate', model, '--data', data, '--map', 'yes=2', '--map', 'NA=']);
    assert.equal(report.rows, 2);
  });

  it('predict: the same file with labels, in each format', async () => {
    const unlabelled = rows.map((row) => ({ ...row, label: '' }));
    const formats: Record<string, string> = {
      'test.json': `${JSON.stringify(unlabelled, null, 2)}\n`,
      'test.jsonl': unlabelled.map((row) => `${JSON.stringify(row)}\n`).join(''),
      'test.csv': `id,query1,query2,label\r\n${unlabelled.map((r) => `${r.id},"${r.query1}",${r.query2},\r\n`).join('')}`,
      'test.tsv': `id\tquery1\tquery2\n${unlabelled.map((r) => `${r.id}\t${r.query1}\t${r.query2}\n`).join('')}`,
    };
    const scores = await Promise.all(rows.map((r) => medtextJson(['score', model, r.query1, r.query2])));
    const answers = scores.map(([{ probabilities }]) =>
      Object.keys(probabilities).reduce((best, label) => (probabilities[label] > probabilities[best] ? label : best)),
    );
    for (const [name, content] of Object.entries(formats)) {
      const output = join(folder, `out-${name}`);
      const [result] = await medtextJson(['predict', model, '--data', file(name, content), '--output', output]);
      assert.equal(result.output, output);
      assert.equal(result.rows, 4);
      let i = 0;
      const expected = name.endsWith('csv')
        ? content.replace(/,\r\n/g, () => `,${answers[i++]}\r\n`)
        : name.endsWith('tsv')
          ? content
              .replace('query2\n', 'query2\tlabel\n')
              .replace(/^(\d.*)\n/gm, (_, row) => `${row}\t${answers[i++]}\n`)
          : content.replace(/("label": ?)""/g, (_, key) => `${key}"${answers[i++]}"`);
      assert.equal(readFileSync(output, 'utf8'), expected, name);
    }
    const input = join(folder, 'test.json');
    await medtextFails(['predict', model, '--data', input, '--output', input], 2, 'USAGE');
  });

  it('score: an encoder without a head gives the cosine, and a file ranked by it', async () => {
    const encoder = await writeTinyModel(join(folder, 'plain'), {});
    const [score] = await medtextJson(['score', encoder, '肺炎怎么治疗', '肺炎的治疗方法']);
    assert.deepEqual(Object.keys(score), ['similarity', 'measure', 'probabilities', 'logits']);
    assert.deepEqual([score.measure, score.probabilities, score.logits], ['cosine', {}, []]);
    assert.match((await medtext(['score', encoder, '头痛', '头痛'])).stdout, /^cosine {2}1\.000\n/);
    const lines = file('candidates.txt', '感冒怎么治\n肺炎怎么治疗\n');
    const [{ results }] = await medtextJson(['score', encoder, '肺炎怎么治疗', '--against', lines]);
    assert.deepEqual([results[0].line, results[0].measure], [2, 'cosine']);
  });

  it('score: of two arguments the first is a model, or both are texts', async () => {
    const library = join(folder, 'library');
    const env = { MEDTEXT_MODELS: library };
    const single = await writeTinyModel(join(library, 'departments'), {
      labels: ['内科', '外科'],
      usage: { task: 'text-classification' },
    });
    // A name in the library, a folder, and what can only be a path.
    for (const named of ['departments', single]) {
      const [{ label }] = await medtextJson(['score', named, '头痛挂什么科'], { env });
      assert.match(label, /^[内外]科$/);
    }
    for (const path of ['./nowhere', 'runs/nowhere', '/nowhere', 'model.safetensors']) {
      await medtextFails(['score', path, '头痛'], 1, 'NOT_FOUND');
    }
    // A slash between words is no path.
    const { stdout, stderr } = await medtext(['score', '头痛/发热', '头痛', '--json'], { env });
    assert.equal(JSON.parse(stdout).measure, 'cosine');
    assert.match(stderr, /no model is given, so the starter encoder is used/);
  });

  it('says what is wrong with a model', async () => {
    const encoder = await writeTinyModel(join(folder, 'encoder'), {});
    const input = file('encoder.json', JSON.stringify(rows));
    const evaluation = ['evaluate', encoder, '--data', input];
    assert.match(await medtextFails(evaluation, 1, 'CHECKPOINT_MISMATCH'), /Fine-tune it first/);
    await medtextFails(['score', encoder, '头痛'], 2, 'USAGE');
    await medtextFails(['score', join(folder, 'absent'), 'a', 'b'], 1, 'NOT_FOUND');
  });

  it('several labels a text, of a folder that says so as transformers does', async () => {
    const several = await writeTinyModel(join(folder, 'several'), {
      labels: ['内科', '外科'],
      problemType: 'multi_label_classification',
    });
    const [answer] = await medtextJson(['score', several, '头痛挂什么科']);
    assert.deepEqual(Object.keys(answer), ['labels', 'probabilities', 'logits']);
    answer.logits.forEach((logit: number, id: number) => {
      const label = ['内科', '外科'][id];
      assert.ok(Math.abs(answer.probabilities[label] - 1 / (1 + Math.exp(-logit))) < 1e-12);
      assert.equal(answer.labels.includes(label), logit >= 0, 'without thresholds of its own 0.5 counts');
    });
    const few = file('texts.txt', '肺炎\n感冒\n');
    await medtextFails(['score', several, '头痛', '--against', few], 1, 'UNSUPPORTED');
    const data = file('several.csv', 'text,labels\n肺炎,内科\n骨折,外科\n外伤发热,内科|外科\n挂号,\n');
    const [report] = await medtextJson(['evaluate', several, '--data', data]);
    assert.deepEqual([report.rows, report.withoutLabel, report.thresholdsChosenHere], [4, 1, false]);
    assert.deepEqual(Object.values(report.perLabel).map((label: any) => [label.support, label.threshold]), [[2, 0.5], [2, 0.5]]); // prettier-ignore
    const output = join(folder, 'several-out.csv');
    const [predicted] = await medtextJson(['predict', several, '--data', data, '--output', output]);
    assert.equal(predicted.rows, 4);
    for (const line of readFileSync(output, 'utf8').trim().split('\n').slice(1))
      assert.match(line, /,(内科|外科|内科\|外科)?$/);
  });

  it('single texts', async () => {
    const single = await writeTinyModel(join(folder, 'single'), {
      labels: ['内科', '外科'],
      usage: { task: 'text-classification' },
    });
    const [answer] = await medtextJson(['score', single, '头痛挂什么科']);
    assert.deepEqual(Object.keys(answer), ['label', 'probabilities', 'logits']);
    await medtextFails(['score', single, 'a', 'b'], 2, 'USAGE');

    const ofNumbers = await writeTinyModel(join(folder, 'numbers'), { labels: ['score'], usage: { task: 'regression', reads_pairs: false } }); // prettier-ignore
    await medtextFails(['score', ofNumbers, '头痛', '发热'], 2, 'USAGE');
  });

  it('of several labels a model reads what it learned from: single texts or pairs', async () => {
    const modelOf = (name: string, readsPairs: boolean) =>
      writeTinyModel(join(folder, name), {
        labels: ['内科', '外科'],
        usage: { task: 'multi-label-classification', reads_pairs: readsPairs },
      });
    const ofTexts = await modelOf('several-texts', false);
    assert.match(
      await medtextFails(['score', ofTexts, '头痛', '发热'], 2, 'USAGE'),
      /reads one text; leave out the second/,
    );
    const bank = file('bank.txt', '肺炎\n感冒\n');
    assert.match(await medtextFails(['score', ofTexts, '头痛', '--against', bank], 2, 'USAGE'), /leave out --against/);
    const ofPairs = await modelOf('several-pairs', true);
    assert.match(await medtextFails(['score', ofPairs, '头痛'], 2, 'USAGE'), /compares two texts/);
    // Of a file, a model of single texts reads the first text alone, and one of pairs wants two.
    const pairs = file('pairs.csv', 'text1,text2\n头痛,发热\n头痛,感冒\n');
    const output = join(folder, 'several-texts.csv');
    await medtextJson(['predict', ofTexts, '--data', pairs, '--output', output]);
    const answers = readFileSync(output, 'utf8').trim().split('\n').slice(1).map((line) => line.split(',')[2]); // prettier-ignore
    assert.equal(answers[0], answers[1], 'the second texts differ, and are not read');
    const texts = file('texts.csv', 'text\n头痛\n');
    await medtextFails(['predict', ofPairs, '--data', texts, '--output', join(folder, 'none.csv')], 2, 'USAGE');
  });

  it('of several labels a file is read by the separator that the model learned, where the file does not tell its own', async () => {
    const of = (usage: object) => ({
      labels: ['内科', '外科'],
      usage: { task: 'multi-label-classification', ...usage },
    });
    const model = await writeTinyModel(join(folder, 'separator'), of({ label_separator: '@' }));
    const supports = async (name: string, text: string) => {
      const [report] = await medtextJson(['evaluate', model, '--data', file(name, text)]);
      return Object.values(report.perLabel).map((label: any) => label.support);
    };
    assert.deepEqual(await supports('at.csv', 'text,labels\n肺炎,内科\n外伤发热,内科 @ 外科\n'), [2, 1]);
    assert.deepEqual(await supports('bar.csv', 'text,labels\n肺炎,内科\n外伤发热,内科|外科\n'), [2, 1]);
    const both = file('both.csv', 'text,labels\n肺炎,内科；外科\n外伤发热,内科;外科\n');
    // The file does not tell which of the two it is: the cell with the other one is no label.
    const halfWidth = await writeTinyModel(join(folder, 'half-width'), of({ label_separator: ';' }));
    assert.match(await medtextFails(['evaluate', halfWidth, '--data', both], 1, 'LABELS'), /labels are separated by ";"\): "内科；外科" in 1 row/); // prettier-ignore
  });

  it('of queries and candidates in a file a ranking model ranks the candidates, each once', async () => {
    const ranking = await writeTinyModel(join(folder, 'ranking'), { labels: ['score'], usage: { task: 'ranking' } });
    const texts = async (name: string, text: string, ...options: string[]) => {
      const [{ rows, results }] = await medtextJson([
        'score',
        ranking,
        '头痛',
        '--against',
        file(name, text),
        ...options,
      ]);
      assert.equal(rows, results.length);
      return results.map((result: any) => `${result.text} ${result.line}`).sort();
    };
    const lists = ['肺炎', '感冒'].map((query) => JSON.stringify({ query, documents: [{ title: `${query}怎么治疗`, label: 1 }, { title: '手术', label: 0 }] })); // prettier-ignore
    assert.deepEqual(
      await texts('queries.jsonl', lists.join('\n')),
      ['感冒怎么治疗 2', '手术 1', '肺炎怎么治疗 1'].sort(),
    );
    const table = 'query,text,grade\n肺炎,肺炎怎么治疗,1\n肺炎,手术,0\n感冒,手术,0\n';
    assert.deepEqual(await texts('queries.csv', table), ['手术 3', '肺炎怎么治疗 2'].sort());
    assert.deepEqual(await texts('queries.csv', table, '--column', 'query'), ['感冒 4', '肺炎 2'].sort());
    assert.deepEqual(await texts('lines.txt', '手术\n感冒\n'), ['手术 1', '感冒 2'].sort());
  });

  it('regressions', async () => {
    const regression = await writeTinyModel(join(folder, 'regression'), {
      labels: ['score'],
      usage: { task: 'regression' },
    });
    const [score] = await medtextJson(['score', regression, '肺炎', '感冒']);
    assert.deepEqual(score.probabilities, {});
    assert.deepEqual([score.similarity, score.measure], [null, 'regression'], 'nobody knows its scale');
    const data = file('sts.csv', 'text1,text2,score\n肺炎,感冒,0.5\n头痛,手术,0\n胃镜,胃镜,1\n高血压,血压高,0.8\n');
    const [report] = await medtextJson(['evaluate', regression, '--data', data]);
    assert.deepEqual([report.rows, 'pearson' in report, 'meanBaseline' in report], [4, true, true]);
  });

  it('words that say what is alike give a similarity whatever their order; others give classes and rank nothing', async () => {
    const pairs = ['肺炎怎么治疗', '肺炎怎么治疗'];
    const bank = file('few.txt', '肺炎\n感冒\n');
    const named = await writeTinyModel(join(folder, 'words'), { labels: ['相同', '不同'], usage: { task: 'sentence-similarity' } }); // prettier-ignore
    const [score] = await medtextJson(['score', named, ...pairs]);
    near(score.similarity, score.probabilities['相同']);
    assert.equal(score.measure, 'label-scale');
    const silent = await writeTinyModel(join(folder, 'silent'), { labels: ['甲', '乙'], usage: { task: 'sentence-similarity' } }); // prettier-ignore
    const [classes] = await medtextJson(['score', silent, ...pairs]);
    assert.deepEqual([classes.similarity, classes.measure, Object.keys(classes.probabilities)], [null, 'classes', ['甲', '乙']]); // prettier-ignore
    assert.doesNotMatch((await medtext(['score', silent, ...pairs])).stdout, /similarity|null/);
    assert.match(await medtextFails(['score', silent, pairs[0], '--against', bank], 1, 'UNSUPPORTED'), /label_scores/);
    const told = await writeTinyModel(join(folder, 'told'), { labels: ['甲', '乙'], usage: { task: 'sentence-similarity', label_scores: { 甲: 1, 乙: 0 } } }); // prettier-ignore
    assert.equal((await medtextJson(['score', told, pairs[0], '--against', bank]))[0].results.length, 2);
  });

  it('a head of one logit: ranked by the logit, similarity by sigmoid, also after an import', async () => {
    const { query, candidates, ...right } = JSON.parse(readFileSync(join(foreign, 'expected.json'), 'utf8'))[
      'one logit'
    ];
    const bank = file('bank.txt', candidates.join('\n'));
    const imported = join(folder, 'cross-encoder');
    await medtextJson(['import', join(foreign, 'cross-encoder'), '--output', imported]);
    for (const [path, name, measure] of [
      [join(foreign, 'cross-encoder'), 'cross-encoder', 'sigmoid'],
      [imported, 'cross-encoder', 'sigmoid'],
      [join(foreign, 'regression'), 'regression', 'regression'],
    ]) {
      const { logits, scores } = right[name];
      const [{ results }] = await medtextJson(['score', path, query, '--against', bank]);
      const order = logits.map((_: number, i: number) => i + 1).sort((a: number, b: number) => logits[b - 1] - logits[a - 1]); // prettier-ignore
      assert.deepEqual(results.map(({ line }: { line: number }) => line), order); // prettier-ignore
      for (const result of results) {
        near(result.logits[0], logits[result.line - 1]);
        assert.equal(result.measure, measure);
        if (scores) near(result.similarity, scores[result.line - 1]);
        else assert.equal(result.similarity, null, 'nobody knows the scale of the regression');
      }
      const people = await medtext(['score', path, query, '--against', bank]);
      assert.match(people.stdout, new RegExp(`1 .*${logits[order[0] - 1].toFixed(4)} +${candidates[order[0] - 1]}`));
      assert.doesNotMatch(people.stdout, /null|NaN/);
    }
  });

  it('a head of one logit: predict writes what CrossEncoder gives, evaluate measures that', async () => {
    const { query, candidates, ...right } = JSON.parse(readFileSync(join(foreign, 'expected.json'), 'utf8'))[
      'one logit'
    ];
    const pairs = candidates.map((text: string, i: number) => ({ query1: query, query2: text, score: i / 3 }));
    const data = file('pairs.jsonl', pairs.map((pair: object) => JSON.stringify(pair)).join('\n'));
    for (const name of ['cross-encoder', 'regression']) {
      const values: number[] = right[name].scores ?? right[name].logits;
      const output = join(folder, `${name}.jsonl`);
      await medtextJson(['predict', join(foreign, name), '--data', data, '--output', output]);
      const written = readFileSync(output, 'utf8').trim().split('\n').map((line) => JSON.parse(line).score); // prettier-ignore
      written.forEach((value, i) => near(value, values[i]));
      const [report] = await medtextJson(['evaluate', join(foreign, name), '--data', data]);
      near(report.mse, values.reduce((sum, value, i) => sum + (value - i / 3) ** 2, 0) / values.length);
    }
  });

  it('several numbers at once are refused by name', async () => {
    const several = await writeTinyModel(join(folder, 'numbers'), { labels: ['a', 'b'], problemType: 'regression' });
    assert.match(await medtextFails(['score', several, 'a', 'b'], 1, 'UNSUPPORTED'), /predicts 2 numbers a text/);
  });

  it('data and import', async () => {
    const [report] = await medtextJson(['data', file('rows.json', JSON.stringify(rows))]);
    assert.equal(report.rows, 4);
    assert.deepEqual(report.fields, { firstSequence: 'query1', secondSequence: 'query2', label: 'label' });
    const output = join(folder, 'imported');
    const [imported] = await medtextJson(['import', model, '--output', output]);
    assert.equal(imported.model, output);
    assert.deepEqual(imported.labels, ['0', '1', '2']);
    const [a] = await medtextJson(['score', model, '肺炎', '感冒']);
    const [b] = await medtextJson(['score', output, '肺炎', '感冒']);
    assert.deepEqual(a, b);
    await medtextFails(['import', join(folder, 'absent'), '--output', output], 1, 'NOT_FOUND');
  });

  it('doctor: the self-test gives the losses of PyTorch', async () => {
    const [{ selfTest, providers, onnxruntime, threads }] = await medtextJson(['doctor', '--threads', '1']);
    assert.equal(selfTest.passed, true);
    assert.equal(selfTest.losses.length, 5);
    selfTest.losses.forEach((loss: number, i: number) => assert.ok(Math.abs(loss - selfTest.expected[i]) < 2e-5));
    assert.ok(providers.includes('cpu') && /^\d+\.\d+/.test(onnxruntime) && threads === 1);
  });
});
