import { MedTextError } from '../../base/errors';
import type { DataFile } from '../../data/dataFile';
import type { EntityMarker } from '../../evaluation/entityMarker';
import { characterMap } from '../../data/entities/offsets';
import type { PairScore } from '../../inference/labelScores';
import type { PairScorer } from '../../inference/pairScorer';
import { rankOf } from '../../protocol/scorer';
import { findTask } from '../../protocol/tasks';
import { modelOptions, type Arguments, type Command, type Context } from '../commandLine';
import { chosenPrecision, precisionOption } from '../precision';
import { modelNamed, modelOrPath, starterModel } from '../modelArgument';
import { Bold, countProgress, type Line, type Screen } from '../screen';
import { bar, clip, counted, decimal, displayWidth, integer, oneLine, padEnd, percent, table } from '../terminal';

export const scoreCommand: Command = {
  name: 'score',
  usage: [
    'score [<model>] <text a> <text b>',
    'score [<model>] <text> --against FILE [--top N]',
    'score <model> <text>',
  ],
  summary: 'Score a pair of texts, or rank the texts of a file by their similarity to one.',
  details: [
    "A pair classifier gives a similarity in [0, 1]: the mean of the labels' scores, weighted by their probabilities. The",
    'scores are those of config.json (medtext.label_scores), otherwise those that the label names tell: numbers evenly (0, 0.5,',
    '1 for three), words such as 不同 and 相同, different and same. Other label names give probabilities and no similarity.',
    "A model with one logit (a cross-encoder) gives the logit's sigmoid; a regression gives its prediction on the scale of its",
    'training labels. Models with one logit rank by the logit.',
    'A model of single texts (text-classification) takes one text and gives its label; one of entities (token-classification)',
    'takes one text and gives its entities with their probability, places in characters.',
    'A model of several labels a text (multi-label-classification) gives the probability of each; ▸ marks those that reach their',
    'threshold.',
    'An encoder without a head gives the cosine of its vectors, which is no probability: unlike texts may have 0.8. If the',
    'folder holds similarity_reference.json, the output says how many random pairs, and pairs with the same meaning, are lower.',
    '',
    'Without a model the starter encoder is used, which comes with the program. Of two arguments the first is a model if it',
    'is a folder, a run, a name in the library or looks like a path; otherwise both are texts.',
  ],
  options: {
    against: {
      kind: 'value',
      value: 'FILE',
      help: 'Score the text against every row of FILE: lines, JSON, JSON Lines, CSV or TSV.',
    },
    column: {
      kind: 'value',
      value: 'NAME',
      help: 'The column of FILE that holds the texts, by name or place from 0. Default: recognised.',
    },
    top: { kind: 'value', value: 'N', help: 'How many of the most similar texts to show. Default: 10.' },
    ...modelOptions,
    ...precisionOption,
  },
  examples: [
    'medtext score runs/qqr/model "肺炎怎么治疗" "肺炎的治疗方法"',
    'medtext score runs/qqr/model "肺炎怎么治疗" --against questions.txt --top 5',
  ],
  run: score,
};

async function score(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(3);
  const against = args.text('against');
  const { model, texts } = modelAndTexts(args, against !== undefined);
  const [first, second] = texts;
  if (first === undefined) throw args.wrong('The text is missing.');
  if (against !== undefined && second !== undefined) throw args.wrong('Give a second text or --against, not both.');
  for (const option of ['top', 'column']) {
    if (args.has(option) && against === undefined) throw args.wrong(`--${option} needs --against.`);
  }
  const top = args.number('top', 1, 1_000_000) ?? 10;
  const folder = model ?? (await starterModel({ screen, signal }));
  const options = { device: args.text('device'), threads: args.number('threads', 1, 1024), signal };
  const { openEntityMarker } = await import('../../evaluation/entityMarker');
  const marker = await openEntityMarker(folder, options);
  if (marker) return markEntities(marker, args, texts, screen, signal);
  const { openPairScorer } = await import('../../inference/pairScorer');
  const precision = await chosenPrecision(args, folder, { screen, signal });
  const scorer = await openPairScorer(folder, { ...options, precision });
  try {
    const secondText = scorer.task === 'encoder' ? 'required' : findTask(scorer.task)?.second;
    if (secondText === 'required' && second === undefined && against === undefined) {
      throw args.wrong('The model compares two texts: give a second one, or --against FILE.');
    }
    if (secondText === 'none' && (second !== undefined || against !== undefined)) {
      throw args.wrong('The model reads one text and gives its label; leave out the second.');
    }
    if (against !== undefined)
      await rank(scorer, first, { file: against, column: args.text('column'), top }, screen, signal);
    else showScore((await scorer.score([{ first, second }], signal))[0], scorer, screen);
  } finally {
    await scorer.close();
  }
}

/** `start` and `end` count characters, as in data files and in Python. */
async function markEntities(
  marker: EntityMarker,
  args: Arguments,
  [text, second]: readonly string[],
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (second !== undefined || args.has('against')) {
      throw args.wrong('The model reads one text and marks its entities; leave out the second.');
    }
    const [found] = await marker.mark([text], signal);
    const { characterAt } = characterMap(text);
    const entities = found.map(({ start, end, type, probability }) => ({
      start: characterAt(start)!,
      end: characterAt(end)!,
      type,
      text: text.slice(start, end),
      probability,
    }));
    screen.printJson({ entities });
    if (entities.length === 0) return screen.print('no entities');
    const rows = entities.map((entity) => [
      clip(oneLine(entity.text), 40),
      entity.type,
      `${entity.start}–${entity.end}`,
      percent(entity.probability),
      bar(entity.probability, 20),
    ]);
    screen.print(...table(rows, [3], ''));
  } finally {
    await marker.close();
  }
}

/** Two arguments may be a model and a text, or two texts; of one, beside `--against`, it is the text. */
function modelAndTexts(args: Arguments, isRanking: boolean): { model: string | undefined; texts: readonly string[] } {
  const [first, ...others] = args.positionals;
  if (first === undefined) throw args.wrong('The text is missing.');
  const mayBeText = args.positionals.length === (isRanking ? 1 : 2);
  const model = mayBeText ? modelNamed(first) : modelOrPath(first);
  return mayBeText && model === undefined ? { model, texts: args.positionals } : { model, texts: others };
}

function showScore(result: PairScore, { task }: PairScorer, screen: Screen): void {
  if (result.measure === 'cosine') {
    screen.printJson(result);
    return screen.print(...cosineLines(result));
  }
  if (result.logits.length === 1) {
    screen.printJson(result);
    if (result.similarity !== null) screen.print(similarityLine(result.similarity));
    return screen.print(
      `${result.measure === 'regression' ? 'prediction' : 'logit     '}  ${decimal(result.logits[0])}`,
    );
  }
  const hasSimilarity = task === undefined || task === 'encoder' || findTask(task)?.second !== 'none';
  const { probabilities, logits, chosen } = result;
  const label = bestLabel(result);
  screen.printJson(chosen ? { labels: chosen, probabilities, logits } : hasSimilarity ? result : { label, probabilities, logits }); // prettier-ignore
  const rows = Object.entries(probabilities).map(([name, probability]) => [
    `${(chosen ?? [label]).includes(name) ? '▸' : ' '} ${name}`,
    percent(probability),
    bar(probability, 30),
  ]);
  if (hasSimilarity && result.similarity !== null) screen.print(similarityLine(result.similarity), '');
  screen.print(...table(rows, [1], ''));
}

/** The number, and where it stands among those of the reference distribution. */
function cosineLines({ similarity, place }: PairScore): Line[] {
  return [
    ['cosine  ', new Bold(similarity!.toFixed(3))],
    ...(place
      ? [
          `  above ${percent(place.random, 0)} of random pairs`,
          `  above ${percent(place.same, 0)} of pairs that mean the same`,
        ]
      : []),
  ];
}

function similarityLine(similarity: number): (string | Bold)[] {
  return ['similarity  ', new Bold(similarity.toFixed(3)), `  ${bar(similarity, 30)}`];
}

function bestLabel({ probabilities }: PairScore): string {
  return Object.entries(probabilities).reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

async function rank(
  scorer: PairScorer,
  text: string,
  { file, column, top }: { file: string; column?: string; top: number },
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const candidates = await readTexts(file, column, signal);
  const pairs = candidates.map((candidate) => ({ first: text, second: candidate.text }));
  const scores = await scorer.score(pairs, signal, countProgress(screen, 'pairs'));
  if (scores[0].measure === 'labels') {
    throw new MedTextError('UNSUPPORTED', 'The model gives several labels, and no similarity: nothing can be ranked.');
  }
  if (scores[0].measure === 'classes') {
    throw new MedTextError(
      'UNSUPPORTED',
      `The labels ${scorer.labels.join(', ')} do not say which of them means that two texts are alike, so nothing can be ranked. Write into the model's config.json, under medtext, what each counts for: "label_scores": ${JSON.stringify(Object.fromEntries(scorer.labels.map((label, id) => [label, Number(id === 0)])))}.`,
      { labels: scorer.labels },
    );
  }
  const ranked = candidates
    .map((candidate, i) => ({ ...candidate, ...scores[i] }))
    .sort((a, b) => rankOf(b) - rankOf(a) || a.line - b.line)
    .slice(0, top);
  screen.printJson({ rows: candidates.length, results: ranked });
  const shown = ranked.map((result) => ({ ...result, text: clip(oneLine(result.text), 60) }));
  const columns = Math.max(...shown.map((result) => displayWidth(result.text)));
  const rows = shown.map((result, i) => [
    String(i + 1),
    ...(result.similarity === null ? [] : [result.similarity.toFixed(3), bar(result.similarity, 12)]),
    // What ranks: similarities of distinct logits may look alike.
    ...(result.logits.length === 1 ? [decimal(result.logits[0])] : []),
    padEnd(result.text, columns),
    `line ${integer(result.line)}`,
  ]);
  screen.print(
    ...table(rows, [0, rows[0].length - 3, rows[0].length - 1], ''),
    '',
    `the ${integer(ranked.length)} most alike of ${counted(candidates.length, 'text')}`,
  );
}

/** The texts of one column, or the lines of a plain text file. */
async function readTexts(
  path: string,
  column: string | undefined,
  signal: AbortSignal,
): Promise<{ line: number; text: string }[]> {
  const { openDataFile } = await import('../../data/dataFile');
  const { isBadRow } = await import('../../data/dataRow');
  const isPlain = /\.txt$/i.test(path);
  const file = await openDataFile(path, isPlain ? { format: 'text', header: false } : {});
  const name = await textColumn(file, column);
  const texts: { line: number; text: string }[] = [];
  for await (const row of file.rows(signal)) {
    const value = isBadRow(row) || !Object.hasOwn(row.values, name) ? undefined : row.values[name];
    if (typeof value === 'string' && value.trim() !== '') texts.push({ line: row.line, text: value });
  }
  if (texts.length > 0) return texts;
  throw new MedTextError('DATA_FORMAT', `${path} has no texts in its column ${JSON.stringify(name)}.`, {
    file: path,
    column: name,
  });
}

async function textColumn(file: DataFile, named: string | undefined): Promise<string> {
  const { guessFields, refuseRepeatedGuess, resolveColumn } = await import('../../data/columns');
  if (named !== undefined) return resolveColumn(file, named, 'text');
  if (file.columns.length === 1) return file.columns[0];
  const guess = guessFields(
    file.columns,
    file.sample.map((row) => row.values),
  );
  refuseRepeatedGuess(file, { ...guess, found: guess.found.filter(({ role }) => role === 'firstSequence') });
  if (guess.firstSequence !== undefined) return guess.firstSequence;
  throw new MedTextError(
    'NOT_FOUND',
    `${file.path}: no column was recognised as the text. Name it with --column; the columns are ${file.columns.join(', ')}.`,
    { file: file.path, columns: file.columns },
  );
}
