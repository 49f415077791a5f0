import { MedTextError } from '../../base/errors';
import type { DataFile } from '../../data/dataFile';
import type { EntityMarker } from '../../evaluation/entityMarker';
import { characterMap } from '../../data/entities/offsets';
import type { PairScorer } from '../../inference/pairScorer';
import { MEASURES, rankOf, saidLabels, type PairScore } from '../../protocol/scores';
import { describeTask } from '../../protocol/tasks';
import { modelOptions, type Arguments, type Command, type Context } from '../commandLine';
import { sheetOption } from '../fileOptions';
import { chosenPrecision, deviceFor, precisionOption } from '../precision';
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
  summary: 'Score a pair of texts, or rank the texts of a file by their similarity to a text.',
  details: [
    "A pair classifier gives a similarity from 0 to 1: the mean of the labels' scores, weighted by the labels' probabilities. The",
    'scores come from config.json (medtext.label_scores), or else from the label names: numbers are spaced evenly (0, 0.5 and 1',
    'for three labels), and words such as 不同 and 相同, or different and same, count by their meaning. With other label names the',
    'model gives probabilities and no similarity.',
    'A model with one logit (a cross-encoder) gives the sigmoid of the logit. A regression model gives its prediction on the scale',
    'of its training labels. Models with one logit rank by the logit.',
    'A model of single texts (text-classification) gives the label of one text. A model of entities (token-classification) gives',
    'the entities of one text with their probabilities. Their positions count characters.',
    'A model of several labels a text (multi-label-classification) gives the probability of each label; ▸ marks the labels that',
    'reach their threshold.',
    'A ranking model gives a score for a query and a text. With --against it ranks the texts of FILE by the query. If FILE has',
    'queries and candidates, it ranks each candidate once.',
    'An encoder without a head gives the cosine of two vectors. The cosine is no probability: texts with different meanings may',
    'have 0.8. If the folder has similarity_reference.json, the output shows how many percent of random pairs, and of pairs with',
    'the same meaning, have a lower cosine.',
    '',
    'Without a model, the starter encoder is used, which comes with the program. If there are two arguments, the first is a model',
    'if it is a folder, a run, a name in the library or looks like a path. Otherwise both are texts.',
  ],
  options: {
    against: {
      kind: 'value',
      value: 'FILE',
      help: 'Score the text against every text of FILE: a data file, or a .txt file with one text a line.',
    },
    column: {
      kind: 'value',
      value: 'NAME',
      help: 'The column of FILE with the texts: its name, or its position from 0. Default: recognised; for a ranking model, the candidates.',
    },
    ...sheetOption,
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
  if (texts.some((text) => text.trim() === '')) throw args.wrong('A text is empty.');
  if (against !== undefined && second !== undefined) throw args.wrong('Give a second text or --against, not both.');
  for (const option of ['top', 'column', 'sheet']) {
    if (args.has(option) && against === undefined) throw args.wrong(`--${option} needs --against.`);
  }
  const top = args.number('top', 1, 1_000_000) ?? 10;
  const folder = model ?? (await starterModel({ screen, signal }));
  const precision = await chosenPrecision(args, folder, { screen, signal });
  const device = await deviceFor(precision, args.text('device'));
  const options = { device, threads: args.number('threads', 1, 1024), precision, signal };
  const { openEntityMarker } = await import('../../evaluation/entityMarker');
  const marker = await openEntityMarker(folder, options);
  if (marker) return markEntities(marker, args, texts, screen, signal);
  const { openPairScorer } = await import('../../inference/pairScorer');
  const scorer = await openPairScorer(folder, options);
  try {
    if (scorer.second === 'required' && second === undefined && against === undefined) {
      throw args.wrong('The model compares two texts: give a second one, or --against FILE.');
    }
    if (scorer.second === 'none' && (second !== undefined || against !== undefined)) {
      throw args.wrong(
        against === undefined
          ? 'The model reads one text; leave out the second.'
          : 'The model reads one text, so there is nothing to rank by; leave out --against.',
      );
    }
    if (against !== undefined)
      await rank(
        scorer,
        first,
        { file: against, column: args.text('column'), sheet: args.text('sheet'), top },
        screen,
        signal,
      );
    else showScore((await scorer.score([{ first, second }], signal))[0], scorer, screen);
  } finally {
    await scorer.close();
  }
}

/** Prints the entities of the text. `start` and `end` count characters, as in data files and in Python. */
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

/** Splits the arguments. Two arguments may be a model and a text, or two texts. A single one beside `--against` is the text. */
function modelAndTexts(args: Arguments, isRanking: boolean): { model: string | undefined; texts: readonly string[] } {
  const [first, ...others] = args.positionals;
  if (first === undefined) throw args.wrong('The text is missing.');
  const mayBeText = args.positionals.length === (isRanking ? 1 : 2);
  const model = mayBeText ? modelNamed(first) : modelOrPath(args.needed(0, 'The model folder'));
  return mayBeText && model === undefined ? { model, texts: args.positionals } : { model, texts: others };
}

function showScore(result: PairScore, { second }: PairScorer, screen: Screen): void {
  const { similarity, number, saysSeveral } = MEASURES[result.measure];
  const said = saidLabels(result);
  if (!said) {
    screen.printJson(result);
    if (similarity?.isRelative) return screen.print(...cosineLines(result));
    if (result.similarity !== null && second !== 'none') screen.print(similarityLine(result.similarity));
    return screen.print(`${padEnd(String(number!.name), 'similarity'.length)}  ${decimal(result.logits[0])}`);
  }
  const hasSimilarity = second !== 'none';
  const { probabilities, logits } = result;
  screen.printJson(saysSeveral ? { labels: said, probabilities, logits } : hasSimilarity ? result : { label: said[0], probabilities, logits }); // prettier-ignore
  const rows = Object.entries(probabilities).map(([name, probability]) => [
    `${said.includes(name) ? '▸' : ' '} ${name}`,
    percent(probability),
    bar(probability, 30),
  ]);
  if (hasSimilarity && result.similarity !== null) screen.print(similarityLine(result.similarity), '');
  screen.print(...table(rows, [1], ''));
}

/** The cosine, and its place in the reference distribution. */
function cosineLines({ similarity, place }: PairScore): Line[] {
  return [
    ['cosine  ', new Bold(similarity!.toFixed(3))],
    ...(place
      ? [
          `  higher than ${percent(place.random, 0)} of random pairs`,
          `  higher than ${percent(place.same, 0)} of pairs with the same meaning`,
        ]
      : []),
  ];
}

function similarityLine(similarity: number): (string | Bold)[] {
  return ['similarity  ', new Bold(similarity.toFixed(3)), `  ${bar(similarity, 30)}`];
}

async function rank(
  scorer: PairScorer,
  text: string,
  { file, column, sheet, top }: { file: string; column?: string; sheet?: string; top: number },
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  // A file of queries and candidates repeats both: the candidates are ranked, each once.
  const ofQueries = scorer.task !== undefined && scorer.task !== 'encoder' && describeTask(scorer.task).groups !== undefined; // prettier-ignore
  const { texts, leftOut } = await readTexts(file, { column, sheet, role: ofQueries ? 'secondSequence' : 'firstSequence' }, signal); // prettier-ignore
  if (leftOut > 0) screen.note(`${file}: ${counted(leftOut, 'row')} left out: unreadable or without a text`);
  const isFirst = new Set<string>();
  const candidates = ofQueries ? texts.filter((one) => !isFirst.has(one.text) && isFirst.add(one.text)) : texts;
  const pairs = candidates.map((candidate) => ({ first: text, second: candidate.text }));
  const scores = await scorer.score(pairs, signal, countProgress(screen, 'pairs'));
  const { order, isDirected } = MEASURES[scores[0].measure];
  if ('whyNot' in order) throw new MedTextError('UNSUPPORTED', order.whyNot(scorer.labels), { labels: scorer.labels });
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
    // The logit ranks the texts: similarities of distinct logits may look equal.
    ...(result.logits.length === 1 ? [decimal(result.logits[0])] : []),
    padEnd(result.text, columns),
    `line ${integer(result.line)}`,
  ]);
  screen.print(
    ...table(rows, [0, rows[0].length - 3, rows[0].length - 1], ''),
    '',
    // Without a similarity the order is that of the predictions: the greatest need not mean similar.
    `the ${integer(ranked.length)} ${isDirected ? 'best' : ranked[0].similarity === null ? 'greatest' : 'most similar'} of ${counted(candidates.length, 'text')}`,
  );
}

/** The texts of one column, or the lines of a plain text file. */
async function readTexts(
  path: string,
  { column, sheet, role }: { column?: string; sheet?: string; role: 'firstSequence' | 'secondSequence' },
  signal: AbortSignal,
): Promise<{ texts: { line: number; text: string }[]; leftOut: number }> {
  const { openDataFile } = await import('../../data/dataFile');
  const { isBadRow, valueIn } = await import('../../data/dataRow');
  const isPlain = /\.txt$/i.test(path);
  const file = await openDataFile(path, isPlain ? { format: 'text', header: false } : { sheet });
  const name = await textColumn(file, column, role);
  const texts: { line: number; text: string }[] = [];
  let leftOut = 0;
  for await (const row of file.rows(signal)) {
    const value = isBadRow(row) ? undefined : valueIn(row.values, name);
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    if (text.trim() !== '') texts.push({ line: row.line, text });
    else leftOut++;
  }
  if (texts.length > 0) return { texts, leftOut };
  throw new MedTextError('DATA_FORMAT', `${path} has no texts in its column ${JSON.stringify(name)}.`, {
    file: path,
    column: name,
  });
}

/** @param role the column to recognise; a file without a second text has the first one ranked */
async function textColumn(
  file: DataFile,
  named: string | undefined,
  role: 'firstSequence' | 'secondSequence',
): Promise<string> {
  const { guessFields, refuseRepeatedGuess, resolveColumn } = await import('../../data/columns');
  if (named !== undefined) return resolveColumn(file, named, 'text');
  if (file.columns.length === 1) return file.columns[0];
  const guess = guessFields(
    file.columns,
    file.sample.map((row) => row.values),
  );
  const wanted = guess[role] === undefined ? 'firstSequence' : role;
  refuseRepeatedGuess(file, { ...guess, found: guess.found.filter((found) => found.role === wanted) });
  const column = guess[wanted];
  if (column !== undefined) return column;
  throw new MedTextError(
    'NOT_FOUND',
    `${file.path}: no column was recognised as the text. Name it with --column; the columns are ${file.columns.join(', ')}.`,
    { file: file.path, columns: file.columns },
  );
}
