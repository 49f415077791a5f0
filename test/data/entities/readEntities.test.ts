/** Files of entities in every form that is read, their offsets, and what is wrong with them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError } from '../../../src/base/errors';
import { openDataFile } from '../../../src/data/dataFile';
import { flatEntities, type Entity } from '../../../src/data/entities/entity';
import { openEntityFile, readEntities, type ReadEntitiesOptions } from '../../../src/data/entities/readEntities';
import { temporaryFolder } from '../support';

const folder = temporaryFolder();
let files = 0;

const jsonl = (rows: readonly unknown[], newline = '\n') => rows.map((row) => JSON.stringify(row) + newline).join('');

/** Writes a file, reads it, and gives each row's entities as `text:type`. */
async function entitiesOf(
  content: string,
  options: ReadEntitiesOptions = {},
  name = 'data.jsonl',
): Promise<string[][]> {
  mkdirSync(folder.path(`${++files}`));
  const data = await readEntities(folder.file(`${files}/${name}`, content), options);
  return data.examples.map(({ first, label }) => label!.map((entity) => shown(first, entity)));
}

const shown = (text: string, { start, end, type }: Entity) => `${text.slice(start, end)}:${type}`;

async function failure(work: Promise<unknown>): Promise<MedTextError> {
  const error = await work.then(() => assert.fail('nothing was refused'), (thrown: unknown) => thrown); // prettier-ignore
  assert.ok(error instanceof MedTextError, String(error));
  return error;
}

describe('entities of a file', () => {
  it('are read as CMeEE has them, whose ends are inclusive', async () => {
    const rows = [{ text: '患者有糖尿病史', entities: [{ start_idx: 3, end_idx: 5, type: 'dis', entity: '糖尿病' }] }];
    assert.deepEqual(await entitiesOf(jsonl(rows)), [['糖尿病:dis']]);
    assert.deepEqual(await entitiesOf(JSON.stringify(rows, undefined, 2), {}, 'data.json'), [['糖尿病:dis']]);
    const older = [{ text: '患者有糖尿病史', entities: [{ start_idx: 3, end_idx: 5, type: 'dis' }] }];
    assert.deepEqual(await entitiesOf(jsonl(older), { spanEnd: 'inclusive' }), [['糖尿病:dis']]);
    assert.deepEqual(await entitiesOf(jsonl(older), { spanEnd: 'exclusive' }), [['糖尿:dis']]);
  });

  it('ask for what the ends mean where the file does not tell, by the name of the field', async () => {
    const rows = [{ text: '患者有糖尿病史', entities: [{ start_idx: 3, end_idx: 5, type: 'dis' }] }];
    const { code, message, detail } = await failure(entitiesOf(jsonl(rows)));
    assert.deepEqual([code, detail.field], ['RECIPE', 'span_end']);
    assert.match(message, /span_end/);
    const elsewhere = [{ text: '患者发热', entities: [{ start: 4, end: 2, type: 'sym', text: '发热' }] }];
    assert.match((await failure(entitiesOf(jsonl(elsewhere)))).message, /no entity’s own text is at the position of the entity/); // prettier-ignore
    const told = { text: '肺', entities: [{ start_idx: 0, end_idx: 0, type: 'bod' }] };
    assert.deepEqual(await entitiesOf(jsonl([...rows, told])), [['糖尿病:dis'], ['肺:bod']], 'an entity of one character'); // prettier-ignore
    const toEnd = { text: '左肺', entities: [{ start_idx: 1, end_idx: 2, type: 'bod' }] };
    assert.deepEqual(await entitiesOf(jsonl([...rows, toEnd])), [['糖尿:dis'], ['肺:bod']], 'one that ends with the text'); // prettier-ignore
    assert.equal((await failure(entitiesOf(jsonl([told, toEnd])))).code, 'RECIPE', 'both in one file');
    const opened = await openEntityFile(folder.file('bounds.jsonl', jsonl([...rows, told])));
    assert.deepEqual(opened.convention, { end: 'inclusive', source: 'bounds', unit: 'characters' });
    const against = [{ text: '左肺炎', entities: [{ start: 1, end: 3, type: 'dis', text: '肺炎' }] }];
    assert.match(
      (await failure(entitiesOf(jsonl(against), { spanEnd: 'inclusive' }))).message,
      /all ends are exclusive/,
    );
  });

  it('are read as ChineseBLUE has them: type or label, offsets as strings or numbers', async () => {
    const rows = [
      { mention_data: [{ mention: '便秘', guid: 'None', type: 'disease', offset: '2' }], text: '孩子便秘' },
      { text: '肺癌术后', mention_data: [{ mention: '肺癌', offset: 0, label: '疾病和诊断' }] },
      { mention_data: [], text: '谢谢', segment: 'x' },
    ];
    assert.deepEqual(await entitiesOf(jsonl(rows), {}, 'train.json'), [['便秘:disease'], ['肺癌:疾病和诊断'], []]);
  });

  it('are read as doccano has them', async () => {
    const rows = [
      { id: 1, text: '糖尿病与肺炎', label: [[0, 3, 'dis'], [4, 6, 'dis']], Comments: [] },
      { id: 2, text: '无', label: [] },
    ]; // prettier-ignore
    assert.deepEqual(await entitiesOf(jsonl(rows)), [['糖尿病:dis', '肺炎:dis'], []]);
    const objects = [{ id: 1, text: '糖尿病与肺炎了', entities: [{ id: 7, label: 'dis', start_offset: 4, end_offset: 6 }], relations: [] }]; // prettier-ignore
    assert.deepEqual(await entitiesOf(jsonl(objects), { spanEnd: 'exclusive' }), [['肺炎:dis']]);
  });

  it('are read as Label Studio exports them; a task that nobody annotated is a bad row', async () => {
    const span = (start: number, end: number, text: string, label: string) => ({
      from_name: 'label',
      to_name: 'text',
      type: 'labels',
      value: { start, end, text, labels: [label] },
    });
    const tasks = [
      { id: 1, data: { text: '糖尿病与肺炎' }, annotations: [{ result: [span(4, 6, '肺炎', 'dis'), span(0, 3, '糖尿病', 'dis')] }, { result: [span(0, 3, '糖尿病', 'dis'), span(4, 6, '肺炎', 'dis')] }] },
      { id: 2, data: { text: '谢谢' }, annotations: [{ result: [] }] },
    ]; // prettier-ignore
    const name = 'project.json';
    assert.deepEqual(await entitiesOf(JSON.stringify(tasks), {}, name), [['糖尿病:dis', '肺炎:dis'], []]);
    const nested = [span(0, 3, '糖尿病', 'dis'), span(0, 1, '糖', 'sub')];
    const agreed = [{ id: 1, data: { text: '糖尿病' }, annotations: [{ result: nested }, { result: [...nested].reverse() }] }]; // prettier-ignore
    assert.deepEqual((await entitiesOf(JSON.stringify(agreed), { nested: true }, name)).map((row) => [...row].sort()), [['糖:sub', '糖尿病:dis']]); // prettier-ignore
    const open = [...tasks, { id: 3, data: { text: '未标注' }, annotations: [{ was_cancelled: true, result: [] }] }];
    assert.match((await failure(entitiesOf(JSON.stringify(open), {}, name))).message, /column "label"\) is missing/);
    const skipped = await entitiesOf(JSON.stringify(open), { onBadRow: 'skip' }, name);
    assert.equal(skipped.length, 2);
    const minimal = [{ id: 1, text: '糖尿病', label: [{ start: 0, end: 3, text: '糖尿病', labels: ['dis'] }], annotator: 1, annotation_id: 1, lead_time: 3 }]; // prettier-ignore
    assert.deepEqual(await entitiesOf(JSON.stringify(minimal), {}, name), [['糖尿病:dis']]);
    const csv = `text,id,label,annotator,annotation_id,lead_time\n糖尿病,1,"[{""start"": 0, ""end"": 3, ""text"": ""糖尿病"", ""labels"": [""dis""]}]",1,1,3\n谢谢,2,,1,2,3\n`;
    assert.deepEqual(await entitiesOf(csv, {}, 'project.csv'), [['糖尿病:dis'], []]);
  });

  it('count characters of the original text: astral ones, full-width ones, line breaks of two', async () => {
    const text = '😀𠮷ＣＴ示：\r\n肺炎👍🏻';
    const python = [...text];
    const place = (part: string) => python.join('').split(part)[0].length && [...text.split(part)[0]].length;
    const rows = [{ text, entities: ['ＣＴ', '肺炎', '👍🏻'].map((entity) => ({ start_idx: place(entity), end_idx: place(entity) + [...entity].length, type: 't', entity })) }]; // prettier-ignore
    assert.deepEqual(await entitiesOf(jsonl(rows, '\r\n')), [['ＣＴ:t', '肺炎:t', '👍🏻:t']]);
    // The same without the entities' text.
    const bare = [{ text, label: rows[0].entities.map(({ start_idx, end_idx }) => [start_idx, end_idx, 't']) }];
    assert.deepEqual(await entitiesOf(jsonl(bare), { spanEnd: 'exclusive' }), [['ＣＴ:t', '肺炎:t', '👍🏻:t']]);
    // As JavaScript counts, which their own text tells.
    const units = [{ text, entities: ['ＣＴ', '肺炎', '👍🏻'].map((entity) => ({ start: text.indexOf(entity), end: text.indexOf(entity) + entity.length, label: 't', text: entity })) }]; // prettier-ignore
    assert.deepEqual(await entitiesOf(jsonl(units)), [['ＣＴ:t', '肺炎:t', '👍🏻:t']]);
  });

  it('that are not where they say are named with line and text, or left out while their row stays', async () => {
    const rows = [
      { text: '查tct没事', mention_data: [{ mention: 'TCG', type: 'test', offset: '1' }, { mention: '没事', type: 'x', offset: 4 }] },
      { text: '肺炎', mention_data: [{ mention: '肺炎球菌', type: 'dis', offset: '0' }, { mention: '炎', offset: '1' }, { type: 'dis', offset: '1' }] },
      { text: '肺炎', mention_data: [{ mention: '炎', offset: 'one', type: 'dis' }, 'x', { start: [0, 1], end: [1, 2], type: 'dis' }] },
    ]; // prettier-ignore
    const { code, message, detail } = await failure(entitiesOf(jsonl(rows)));
    assert.deepEqual([code, detail.line, detail.count], ['DATA_FORMAT', 1, 7]);
    assert.match(message, /line 1: the entity "TCG" \(test\) is not at 1 \(there is "tct"\): 查tct没事\. 7 entities cannot be used/); // prettier-ignore
    assert.match(message, /line 2: the entity "肺炎球菌" \(dis\) is not at 0/);
    assert.match(message, /has no type; line 2: .* neither an end .*; line 3: .* no start .*; line 3: "x" is not an entity; line 3: .* several parts/); // prettier-ignore
    assert.deepEqual(await entitiesOf(jsonl(rows), { onBadRow: 'skip' }), [['没事:x'], [], []]);
    const outside = [{ text: '左肺炎', label: [[0, 2, 'a'], [1, 9, 'a'], [2, 2, 'a']] }]; // prettier-ignore
    const said = await failure(entitiesOf(jsonl(outside), { spanEnd: 'exclusive' }));
    assert.match(said.message, /from 1 to 9 \(a\) lies outside the text of 3 characters.*from 2 to 2 \(a\) has no character/); // prettier-ignore
  });

  it('that the file writes in another case or width are kept as the text has them, and counted', async () => {
    const text = '𠮷查tct和ＣＴ，维生素b1 ';
    const rows = [{ text, mention_data: [{ mention: 'TCT', type: 'test', offset: '2' }, { mention: 'ct', type: 'test', offset: 6 }, { mention: '维生素B1', type: 'drug', offset: 9 }] }]; // prettier-ignore
    const { examples, findings } = await readEntities(folder.file('case.jsonl', jsonl(rows)));
    assert.deepEqual(examples[0].label!.map((entity) => shown(text, entity)), ['tct:test', 'ＣＴ:test', '维生素b1:drug']); // prettier-ignore
    assert.deepEqual([findings.flawed.count, findings.normalized.count], [0, 3]);
    assert.equal(String(findings.normalized.reports[0].reason), 'the entity "TCT" (test) at 2 is written "tct" in the text'); // prettier-ignore
    // What differs by case only tells what ends mean, and the text outside the mention still does not count.
    const inclusive = [{ text: 'MRI and mri.', entities: [{ start: 8, end: 10, type: 't', text: 'MRI' }] }];
    assert.deepEqual(await entitiesOf(jsonl(inclusive)), [['mri:t']]);
    const wrong = [{ text: 'MRI and mri.', entities: [{ start: 0, end: 3, type: 't', text: 'mri' }, { start: 5, end: 8, type: 't', text: 'mri' }] }]; // prettier-ignore
    assert.match((await failure(entitiesOf(jsonl(wrong)))).message, /the entity "mri" \(t\) is not at 5 \(there is "nd"\), but at 8/); // prettier-ignore
  });

  it('that overlap are kept where they may be nested; of a flat tagging the longer one stays, and all are told of', async () => {
    const text = '尿道口处女膜融合';
    const rows = [{ text, entities: [[2, 3, 'body'], [0, 8, 'disease'], [0, 8, 'symptom'], [0, 8, 'disease'], [3, 6, 'body']] }]; // prettier-ignore
    const path = folder.file('nested.jsonl', jsonl(rows));
    const flat = await readEntities(path);
    assert.deepEqual(flat.examples[0].label, [{ start: 0, end: 8, type: 'disease' }]);
    const { overlapping, dropped, repeated } = flat.findings;
    assert.deepEqual([overlapping.count, overlapping.rows, dropped, repeated], [5, 1, 3, 1]);
    assert.deepEqual(overlapping.reports.map(({ line, reason }) => [line, String(reason)])[0], [1, '"尿道口处女膜融合" is both disease and symptom']); // prettier-ignore
    const nested = await readEntities(path, { nested: true });
    assert.deepEqual(nested.examples[0].label!.map((entity) => shown(text, entity)), ['尿道口处女膜融合:disease', '尿道口处女膜融合:symptom', '口:body', '处女膜:body']); // prettier-ignore
    assert.equal(nested.findings.dropped, 0);
    assert.deepEqual(nested.labels, ['body', 'disease', 'symptom']);
    assert.deepEqual(nested.counts, [2, 1, 1]);
  });

  it('of a flat tagging are kept longest first, by trying every pair', () => {
    for (let seed = 1; seed < 300; seed++) {
      const random = (n: number, salt: number) => (Math.imul(seed * 7919 + salt * 104729, 2654435761) >>> 8) % n;
      const entities = Array.from({ length: 8 }, (_, i) => {
        const start = random(20, i);
        return { start, end: start + 1 + random(6, i + 50), type: 't' };
      });
      const kept: Entity[] = [];
      const byLength = [...entities].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
      for (const one of byLength) if (kept.every(({ start, end }) => end <= one.start || start >= one.end)) kept.push(one); // prettier-ignore
      assert.deepEqual(flatEntities(entities).kept, kept.sort((a, b) => a.start - b.start)); // prettier-ignore
    }
  });

  it('have types that are renamed, merged, dropped, or refused by name', async () => {
    const rows = [{ text: '糖尿病与肺炎', label: [[0, 3, 'dis'], [4, 6, 'sym'], [4, 5, 'bod']] }]; // prettier-ignore
    const labelMapping = { dis: '疾病', sym: '疾病', bod: null };
    assert.deepEqual(await entitiesOf(jsonl(rows), { labelMapping }), [['糖尿病:疾病', '肺炎:疾病']]);
    const { code, message } = await failure(entitiesOf(jsonl(rows), { labels: ['dis'] }));
    assert.equal(code, 'LABELS');
    assert.match(message, /"sym" in 1 row.*"bod" in 1 row/);
    const twice = [{ text: '肺炎与肺炎', label: [[0, 2, 'sym'], [3, 5, 'sym'], [0, 1, 'dis']] }]; // prettier-ignore
    assert.match((await failure(entitiesOf(jsonl(twice), { labels: ['dis'] }))).message, /"sym" in 1 row,/);
  });

  it('are not asked for when predicting, where every text has an answer', async () => {
    const path = folder.file('texts.jsonl', jsonl([{ text: '糖尿病' }, { text: '' }]));
    const { examples } = await readEntities(path, { mode: 'predict' });
    assert.deepEqual(examples, [{ first: '糖尿病', line: 1, row: 0 }, { first: '', line: 2, row: 1 }]); // prettier-ignore
    assert.match((await failure(readEntities(path))).message, /no column holds entities/);
  });
});

describe('tokens with tags', () => {
  const read = (content: string, options: ReadEntitiesOptions = {}, name = 'train.txt') =>
    entitiesOf(content, options, name);

  it('are put together, with a space between words but not beside Chinese', async () => {
    assert.deepEqual(await read('糖 B-dis\n尿 I-dis\n病 I-dis\n史 O\n\n肺 B-dis\n炎 I-dis\n'), [
      ['糖尿病:dis'],
      ['肺炎:dis'],
    ]);
    const words =
      'EU\tNNP\tB-ORG\nrejects\tVBZ\tO\nGerman\tJJ\tB-MISC\ncall\tNN\tI-MISC\n\nHBV\tNN\tB-test\n阳性\tNN\tO\n';
    const { examples, file } = await readEntities(folder.file('words.conll', words));
    assert.deepEqual(examples.map(({ first }) => first), ['EU rejects German call', 'HBV阳性']); // prettier-ignore
    assert.deepEqual(examples.map(({ first, label }) => label!.map((one) => shown(first, one))), [['EU:ORG', 'German call:MISC'], ['HBV:test']]); // prettier-ignore
    assert.equal(file.format, 'conll');
  });

  it('of every scheme are read alike', async () => {
    const expected = [['糖尿病:dis', '肺炎:dis', '肺:bod']];
    const tags = {
      IOB2: 'B I I B I O B',
      BMES: 'B M E B E O S',
      BIOES: 'B I E B E O S',
      BILOU: 'B I L B L O U',
      IOB1: 'I I I B I O I',
    };
    const tokens = [...'糖尿病肺炎是肺'];
    for (const [scheme, letters] of Object.entries(tags)) {
      for (const newline of ['\n', '\r\n', '\r']) {
        for (const tag of [(a: string, b: string) => `${a}-${b}`, (a: string, b: string) => `${b}_${a}`]) {
          const lines = letters.split(' ').map((letter, i) => `${tokens[i]}\t${letter === 'O' ? 'O' : tag(letter, i === 6 ? 'bod' : 'dis')}`); // prettier-ignore
          assert.deepEqual(await read(lines.join(newline)), expected, `${scheme} ${JSON.stringify(newline)}`);
        }
      }
    }
  });

  it('keep astral characters, spaces and documents’ marks apart', async () => {
    const content = '-DOCSTART- -X- O\n\n# id = 1\n𠮷\tB-a\n \tI-a\n😀\tI-a\n。\tO\n\n\n\n肺\tB-b\n';
    assert.deepEqual(await read(content), [['𠮷 😀:a'], ['肺:b']]);
  });

  it('that their scheme does not allow are named with their line, or their text is left out', async () => {
    const content = '糖\tB-a\n尿\tI-a\n\n肺\tB-a\n炎\tI-b\n\n肺\tO\n炎\tI-b\n';
    const { code, message } = await failure(read(content));
    assert.equal(code, 'DATA_FORMAT');
    assert.match(
      message,
      /line 4: I-b cannot follow B-a \(line 5, tags of IOB2\).*line 7: I-b cannot follow O \(line 8/,
    );
    assert.deepEqual(await read(content, { onBadRow: 'skip' }), [['糖尿:a']]);
    assert.match((await failure(read('糖\tB-a\n尿\n' + '肺\tO\n'.repeat(30)))).message, /line 1: the token has no tag \(line 2\)/); // prettier-ignore
  });

  it('are the same wherever the file is cut', async () => {
    const content = '糖\tB-a\r\n尿\tI-a\r\n\r\n\r\n肺\tB-a\r\n炎\tI-b\r\n \r\n𠮷\tO\r\n炎\tB-b';
    const { text } = await openDataFile(folder.file('cut.conll', content), { format: 'conll' });
    const pieces = async (size: number) => {
      const all = [];
      const chunks = async function* () {
        for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size);
      };
      for await (const batch of text!.piecesOf(chunks())) all.push(...batch);
      assert.equal(all.map((piece) => piece.text).join(''), content);
      return all.filter(({ kind }) => kind !== 'gap').map(({ kind, line, text: own }) => [kind, line, own]);
    };
    const whole = await pieces(content.length);
    assert.deepEqual(whole.map(([kind, line]) => `${kind} ${line}`), ['row 1', 'bad 5', 'row 8']); // prettier-ignore
    for (let size = 1; size < content.length; size++) assert.deepEqual(await pieces(size), whole, `chunks of ${size}`);
  });

  it('of a text without end are bounded', async () => {
    const file = await openDataFile(folder.file('long.conll', '肺\tB-a\n'.repeat(5000)), { maxRowLength: 1000 });
    const rows = [];
    for await (const row of file.rows()) rows.push(row);
    assert.equal(rows.length, 1);
    assert.match(String((rows[0] as { reason: unknown }).reason), /longer than 1000 characters/);
  });

  it('are told from tables', async () => {
    const formats = async (content: string, name: string) => (await openDataFile(folder.file(name, content))).format;
    assert.equal(await formats('O\t今天\nB-1\t明天\n', 'table.txt'), 'text');
    assert.equal(await formats('血压高\tB\n血压低\tO\n', 'letters.txt'), 'text');
    assert.equal(await formats('a,B-x\nb,O\n', 'commas.csv'), 'csv');
  });
});

describe('brat’s documents', () => {
  const document = (name: string, text: string, annotations: string) => {
    if (!existsSync(folder.path('brat'))) mkdirSync(folder.path('brat'));
    folder.file(`brat/${name}.txt`, text);
    return folder.file(`brat/${name}.ann`, annotations);
  };

  it('are read by text, by annotations, or a folder of them', async () => {
    const path = document(
      'b',
      '患者😀有糖尿病。',
      'T1\tDisease 4 7\t糖尿病\nR1\tCauses Arg1:T1 Arg2:T1\n#1\tAnnotatorNotes T1\tsure\n',
    );
    document('a', '肺炎', 'T1\tDisease 0 2\t肺炎\n');
    for (const file of [path, path.replace('.ann', '.txt')]) {
      const { examples } = await readEntities(file);
      assert.deepEqual(examples.map(({ first, label }) => label!.map((one) => shown(first, one))), [['糖尿病:Disease']]); // prettier-ignore
    }
    const data = await readEntities(join(path, '..'));
    assert.deepEqual(data.examples.map(({ first }) => first), ['肺炎', '患者😀有糖尿病。']); // prettier-ignore
    assert.equal(data.file.format, 'brat');
  });

  it('in lines that end with CR LF are counted as their own text says', async () => {
    const text = '患者\r\n有糖尿病\r\n史😀肺炎';
    const asTwo = document('two', text, 'T1\tD 5 8\t糖尿病\nT2\tD 12 14\t肺炎\n');
    const asOne = document('one', text, 'T1\tD 4 7\t糖尿病\nT2\tD 10 12\t肺炎\n');
    for (const path of [asTwo, asOne]) {
      const { examples } = await readEntities(path);
      assert.deepEqual(examples[0].label!.map((one) => shown(text, one)), ['糖尿病:D', '肺炎:D'], path); // prettier-ignore
    }
  });

  it('have stretches of several parts named, unless a line’s end alone divides them', async () => {
    const path = document('parts', '左肺\n上叶与右肺', 'T1\tBody 0 2;3 5\t左肺 上叶\nT2\tBody 0 1;6 8\t左 右肺\n');
    const { code, message, detail } = await failure(readEntities(path));
    assert.deepEqual([code, detail.line], ['DATA_FORMAT', 2]);
    assert.match(message, /parts\.ann line 2: .*several parts/);
    const { examples, findings } = await readEntities(path, { onBadRow: 'skip' });
    assert.deepEqual(examples[0].label, [{ start: 0, end: 5, type: 'Body' }]);
    assert.equal(findings.flawed.count, 1);
  });
});
