// Makes the bundled samples from the hand-written texts in source/: `node samples/makePairs.mjs`. The result is the
// same on every run (seeded). `--check` writes nothing and fails if a committed file differs from the result.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { topics } from './source/topics.mjs';
import * as kinds from './source/wordings.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const readSource = (name) => readFileSync(join(here, 'source', name), 'utf8').split('\n');

// --- Randomness: mulberry32, one stream for the whole run ------------------------------------------------------------

function randomStream(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const pick = (list) => list[Math.floor(uniform() * list.length)];
  const shuffled = (list) => {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  };
  return { uniform, pick, shuffled };
}

const random = randomStream(20240607);

// --- Hand-written pairs ----------------------------------------------------------------------------------------------

/** [{ speciality, query1, pairs: [{ query1, query2, label }] }], in the file's order. */
function readHandWritten() {
  const blocks = [];
  let speciality = '';
  let block;
  readSource('pairs.txt').forEach((line, index) => {
    const fail = (reason) => {
      throw new Error(`source/pairs.txt:${index + 1}: ${reason}: ${line}`);
    };
    if (line.startsWith('## ')) speciality = line.slice(3);
    else if (line === '' || line.startsWith('#')) block = undefined;
    else if (/^[012] /.test(line)) {
      if (!block) fail('a pair without its first query');
      block.pairs.push({ query1: block.query1, query2: line.slice(2), label: line[0] });
    } else {
      if (block) fail('a second first query in one block');
      block = { speciality, query1: line, pairs: [] };
      blocks.push(block);
    }
  });
  return blocks;
}

// --- Pairs combined from the wordings --------------------------------------------------------------------------------

const PER_TOPIC = { 0: 19, 1: 11, 2: 16 };
const PER_TEST_TOPIC = { 0: 7, 1: 4, 2: 6 };
const MOST_USES = 8; // of one sentence in the combined pairs

/** Puts a group or circumstance (老人, 晚上) into a wording: before the topic's name, or before 得了 or 为什么会. */
function withGroup(wording, group) {
  for (const opening of ['得了{X}', '为什么会']) {
    if (wording.startsWith(opening)) return group + wording;
  }
  return wording.replace('{X}', group + '{X}');
}

/** The questions about a topic: [{ topic, intent, group, narrowKind, wordings }]. */
function questionsOf(topic) {
  const { intents, modified } = kinds[topic.kind];
  const base = topic.intents.map((intent) => {
    if (!intents[intent]) throw new Error(`${topic.name}: no intent ${intent} in ${topic.kind}`);
    return { topic, intent, group: '', narrowKind: '', wordings: intents[intent] };
  });
  const narrowed = base.filter(({ intent }) => modified.includes(intent));
  const byGroup = narrowed.flatMap((question) =>
    topic.groups.map((group) => ({ ...question, group, wordings: question.wordings.map((w) => withGroup(w, group)) })),
  );
  const byKind = narrowed.flatMap((question) => topic.kinds.map((narrowKind) => ({ ...question, narrowKind })));
  return { base, narrowed: [...byGroup, ...byKind] };
}

/** The sentence of a wording. A topic that is an action (拔智齿) has no 做 before it. */
function sentence(question, wording) {
  const { topic, narrowKind } = question;
  const name = narrowKind || (random.uniform() < 0.35 ? random.pick([topic.name, ...topic.aliases]) : topic.name);
  let text = wording.replace('{X}', name);
  if (name.startsWith('拔')) text = text.replace('做完拔', '拔完').replace('做一次拔', '拔一次').replace('做拔', '拔');
  return text;
}

const has = (pairsOfIntents, a, b) => pairsOfIntents.some(([x, y]) => (x === a && y === b) || (x === b && y === a));

/** The label '2', '1' or '0' of two questions about one topic. Undefined where the label would be disputable. */
function relation(a, b) {
  const { narrower, unclear } = kinds[a.topic.kind];
  const sameScope = a.group === b.group && a.narrowKind === b.narrowKind;
  const plain = (question) => !question.group && !question.narrowKind;
  if (a.intent === b.intent) return sameScope ? '2' : plain(a) || plain(b) ? '1' : undefined;
  if (has(unclear, a.intent, b.intent)) return undefined;
  if (has(narrower, a.intent, b.intent)) return sameScope ? '1' : undefined;
  return '0';
}

function combine(topicsOfSplit, perTopic, taken, usesOf) {
  const pairs = [];
  const questions = new Map(topicsOfSplit.map((topic) => [topic, questionsOf(topic)]));
  for (const topic of topicsOfSplit) {
    const { base, narrowed } = questions.get(topic);
    const anyQuestion = () => (narrowed.length && random.uniform() < 0.3 ? random.pick(narrowed) : random.pick(base));
    const others = topicsOfSplit.filter((other) => other.kind === topic.kind && other.speciality !== topic.speciality);
    const elsewhere = (intent) => {
      const found = random.pick(others.length ? others : [topic]);
      const candidates = questions.get(found).base.filter((question) => !intent || question.intent === intent);
      return found === topic || !candidates.length ? undefined : random.pick(candidates);
    };
    const partner = {
      2: (a) => a,
      1: () => anyQuestion(),
      // Unrelated pairs: two of three have the same topic, one of six has the same intent, one of six has neither.
      0: (a) => {
        const lot = random.uniform();
        return lot < 2 / 3 ? anyQuestion() : elsewhere(lot < 5 / 6 ? a.intent : '');
      },
    };
    for (const label of ['2', '1', '0']) {
      let left = perTopic[label];
      for (let attempt = 0; left > 0 && attempt < 3000; attempt++) {
        const a = anyQuestion();
        const b = partner[label](a);
        if (!b || (b.topic === topic && relation(a, b) !== label)) continue;
        const [query1, query2] = random.shuffled([
          sentence(a, random.pick(a.wordings)),
          sentence(b, random.pick(b.wordings)),
        ]);
        const key = pairKey(query1, query2);
        const uses = Math.max(usesOf.get(query1) ?? 0, usesOf.get(query2) ?? 0);
        if (query1 === query2 || taken.has(key) || uses >= MOST_USES) continue;
        taken.add(key);
        for (const query of [query1, query2]) usesOf.set(query, (usesOf.get(query) ?? 0) + 1);
        pairs.push({ query1, query2, label, speciality: topic.speciality });
        left--;
      }
    }
  }
  return pairs;
}

const pairKey = (query1, query2) => [query1, query2].sort().join('\t');

// --- Splits ----------------------------------------------------------------------------------------------------------

/**
 * Every sixth hand-written block and every sixth topic of each kind goes to validation, every 24th block and one
 * drug to the unlabelled test file. Whole blocks and whole topics move, so no sentence stands in two splits.
 */
function makeSplits() {
  const splits = { train: [], validation: [], test: [] };
  const blocks = readHandWritten();
  blocks.forEach((block, index) => {
    const split = index % 24 === 10 ? 'test' : index % 6 === 3 ? 'validation' : 'train';
    splits[split].push(...block.pairs.map((pair) => ({ ...pair, speciality: block.speciality, handWritten: true })));
  });
  const topicsOf = { train: [], validation: [], test: [] };
  const counters = {};
  for (const topic of topics) {
    const index = (counters[topic.kind] = (counters[topic.kind] ?? 0) + 1);
    const forTest = topic.kind === 'drug' && index === 8;
    topicsOf[forTest ? 'test' : index % 6 === 3 ? 'validation' : 'train'].push(topic);
  }
  const handWritten = Object.values(splits).flat();
  const taken = new Set(handWritten.map(({ query1, query2 }) => pairKey(query1, query2)));
  for (const split of Object.keys(splits)) {
    const usesOf = new Map();
    // A sentence of a hand-written block, whatever its split, is not used in combined pairs.
    for (const { query1, query2 } of handWritten) for (const query of [query1, query2]) usesOf.set(query, MOST_USES);
    splits[split].push(...combine(topicsOf[split], split === 'test' ? PER_TEST_TOPIC : PER_TOPIC, taken, usesOf));
  }
  for (const split of Object.keys(splits)) splits[split] = random.shuffled(splits[split]);
  return splits;
}

// --- Departments -----------------------------------------------------------------------------------------------------

function makeDepartments() {
  const rows = [];
  let label = '';
  for (const line of readSource('departments.txt')) {
    if (line.startsWith('## ')) label = line.slice(3);
    else if (line && !line.startsWith('#')) rows.push({ query: line, label });
  }
  const counters = {};
  const splits = { train: [], validation: [] };
  for (const row of rows) {
    const index = (counters[row.label] = (counters[row.label] ?? 0) + 1);
    splits[index % 6 === 0 ? 'validation' : 'train'].push(row);
  }
  return { train: random.shuffled(splits.train), validation: random.shuffled(splits.validation) };
}

// --- Vocabulary ------------------------------------------------------------------------------------------------------

/** A character WordPiece vocabulary (lower case): the 3,755 commonest characters of GB 2312 and all of the samples'. */
function makeVocabulary(texts) {
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const letters = [...'0123456789abcdefghijklmnopqrstuvwxyz'];
  tokens.push(...letters, ...letters.map((letter) => `##${letter}`));
  const words = new Map();
  for (const text of texts) {
    for (const word of text.toLowerCase().match(/[a-z]+|\d+/g) ?? []) words.set(word, (words.get(word) ?? 0) + 1);
  }
  const common = [...words].filter(([word, count]) => word.length > 1 && count > 1).map(([word]) => word);
  tokens.push(...common.sort());
  tokens.push(...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');
  tokens.push(
    ...'！＂＃％＆＇（）＊＋，－．／：；＜＝＞？［］｛｜｝～、。〈〉《》「」『』【】〔〕—–…·•‘’“”°℃±×÷≤≥≈→↑↓μαβγ',
  );
  const gb2312 = new TextDecoder('gb2312');
  for (let row = 0xb0; row <= 0xd7; row++) {
    for (let cell = 0xa1; cell <= (row === 0xd7 ? 0xf9 : 0xfe); cell++)
      tokens.push(gb2312.decode(new Uint8Array([row, cell])));
  }
  const known = new Set(tokens);
  const further = new Set(texts.flatMap((text) => [...text.toLowerCase()]).filter((c) => c.trim() && !known.has(c)));
  tokens.push(...[...further].sort());
  return tokens;
}

// --- Checks ----------------------------------------------------------------------------------------------------------

function checkPairs(splits) {
  const problems = [];
  const query1Of = {};
  const owner = new Map();
  const seen = new Set();
  for (const [split, pairs] of Object.entries(splits)) {
    query1Of[split] = new Set(pairs.map(({ query1 }) => query1));
    for (const { query1, query2, label } of pairs) {
      const key = pairKey(query1, query2);
      if (seen.has(key)) problems.push(`pair twice: ${key}`);
      seen.add(key);
      for (const query of [query1, query2]) {
        if (query !== query.trim() || /\s\s/.test(query)) problems.push(`stray blanks: "${query}"`);
        if (query.includes('{') || query.length < 4 || query.length > 25) problems.push(`length or slot: ${query}`);
        if ((owner.get(query) ?? split) !== split) problems.push(`in ${split} and ${owner.get(query)}: ${query}`);
        owner.set(query, split);
      }
      if (!'012'.includes(label)) problems.push(`label ${label}: ${key}`);
    }
  }
  if (problems.length) throw new Error(problems.join('\n'));
}

// --- Files -----------------------------------------------------------------------------------------------------------

const jsonRow = (row) =>
  `{ ${Object.entries(row)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(', ')} }`;
const jsonArray = (rows) => `[\n${rows.map((row) => `  ${jsonRow(row)}`).join(',\n')}\n]\n`;
const rowId = (split, index) => `${split}-${String(index + 1).padStart(4, '0')}`;

function files() {
  const splits = makeSplits();
  checkPairs(splits);
  const departments = makeDepartments();
  const result = {};
  for (const [split, pairs] of Object.entries(splits)) {
    const rows = pairs.map(({ query1, query2, label }, index) => {
      const row = { id: rowId(split, index), query1, query2 };
      return split === 'test' ? row : { ...row, label };
    });
    result[`medical-pairs/${split}.json`] = jsonArray(rows);
  }
  for (const [split, rows] of Object.entries(departments)) {
    const lines = rows.map((row, index) => JSON.stringify({ id: rowId(split, index), ...row }));
    result[`departments/${split}.jsonl`] = `${lines.join('\n')}\n`;
  }
  const texts = [
    ...Object.values(splits).flatMap((pairs) => pairs.flatMap(({ query1, query2 }) => [query1, query2])),
    ...Object.values(departments).flatMap((rows) => rows.map(({ query }) => query)),
  ];
  const entities = makeEntities();
  for (const [split, rows] of Object.entries(entities)) {
    result[`entities/${split}.jsonl`] = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  }
  const vocabulary = makeVocabulary(texts);
  result['structbert-tiny/vocab.txt'] = `${vocabulary.join('\n')}\n`;
  const config = {
    architectures: ['BertForSequenceClassification'],
    attention_probs_dropout_prob: 0.1,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    hidden_size: 128,
    initializer_range: 0.05,
    intermediate_size: 512,
    layer_norm_eps: 1e-12,
    max_position_embeddings: 128,
    model_type: 'bert',
    num_attention_heads: 2,
    num_hidden_layers: 2,
    pad_token_id: 0,
    type_vocab_size: 2,
    vocab_size: vocabulary.length,
  };
  result['structbert-tiny/config.json'] = `${JSON.stringify(config, null, 2)}\n`;
  return { result, splits, departments, entities, vocabulary };
}

/** Makes the files of entities. Every fifth sentence goes to validation. Ends are inclusive, as in CMeEE. */
function makeEntities() {
  const lines = readFileSync(join(here, 'source', 'entities.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')); // prettier-ignore
  const rows = lines.map(entitiesOf);
  return {
    train: rows.filter((_, i) => i % 5 !== 4),
    validation: rows.filter((_, i) => i % 5 === 4),
  };
}

/** The entities of `[text|type]` marks, which may be nested. */
function entitiesOf(line) {
  let text = '';
  const open = [];
  const entities = [];
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '[') open.push(text.length);
    else if (line[at] === '|') {
      const end = line.indexOf(']', at);
      const start_idx = open.pop();
      entities.push({ start_idx, end_idx: text.length - 1, type: line.slice(at + 1, end), entity: text.slice(start_idx) }); // prettier-ignore
      at = end;
    } else text += line[at];
  }
  if (open.length > 0) throw new Error(`samples/source/entities.txt: an entity has no type: ${line}`);
  return { text, entities: entities.sort((a, b) => a.start_idx - b.start_idx || b.end_idx - a.end_idx) };
}

function report({ splits, departments, entities, vocabulary }) {
  for (const [split, pairs] of Object.entries(splits)) {
    const count = (test) => pairs.filter(test).length;
    const labels = ['0', '1', '2'].map((label) => `${label}: ${count((pair) => pair.label === label)}`).join(', ');
    console.log(
      `${split}: ${pairs.length} pairs (${labels}), ${count((pair) => pair.handWritten)} wholly hand-written`,
    );
  }
  const bySpeciality = new Map();
  for (const { speciality } of Object.values(splits).flat())
    bySpeciality.set(speciality, (bySpeciality.get(speciality) ?? 0) + 1);
  console.log([...bySpeciality].map(([name, count]) => `${name} ${count}`).join(', '));
  console.log(
    `departments: ${departments.train.length} / ${departments.validation.length}; entities: ${entities.train.length} / ${entities.validation.length} sentences; vocabulary ${vocabulary.length}`,
  );
}

const made = files();
report(made);
let stale = 0;
for (const [name, text] of Object.entries(made.result)) {
  const path = join(here, name);
  if (process.argv.includes('--check')) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    console.error(`samples/${name} is not what samples/makePairs.mjs writes; run it without --check`);
    stale++;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
process.exitCode = stale ? 1 : 0;
