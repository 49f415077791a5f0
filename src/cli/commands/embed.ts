import { modelOptions, type Arguments, type Command, type Context } from '../commandLine';
import { sheetOption } from '../fileOptions';
import { modelOrPath } from '../modelArgument';
import { chosenPrecision, deviceFor, precisionOption } from '../precision';
import { countProgress } from '../screen';
import { clip, counted, decimal, properties, table } from '../terminal';

/** The most texts in the table of cosines. More columns would not fit. */
const MAX_TABLE = 12;

export const embedCommand: Command = {
  name: 'embed',
  usage: ['embed <model> <text> [<text> ...]', 'embed <model> --file FILE --output OUT'],
  summary: 'Compute the vectors of texts. For a few texts, also show the cosines between them.',
  details: [
    'The vectors equal those of sentence-transformers. In a folder with modules.json, this file sets how tokens are pooled and',
    'whether vectors have length 1. Any other encoder gives the mean of its token vectors. With --json, each text gives one object.',
    'The vectors of a file go into a .npy file (in the order of the texts), or into a .parquet or .jsonl file (line, text,',
    'embedding). Large files are read and written in parts.',
  ],
  options: {
    file: { kind: 'value', value: 'FILE', help: 'The texts: a data file, or a .txt file with one text a line.' },
    column: {
      kind: 'value',
      value: 'COLUMN',
      help: 'The column of the texts: its name, or its position from 0. Default: recognised.',
    },
    ...sheetOption,
    output: { kind: 'value', value: 'OUT', short: 'o', help: 'The file for the vectors: .npy, .parquet or .jsonl.' },
    'skip-bad-rows': { kind: 'flag', help: 'Skip rows that cannot be read or have no text.' },
    ...modelOptions,
    ...precisionOption,
  },
  examples: [
    'medtext embed models/minilm "肺炎怎么治疗" "肺炎的治疗方法" --json',
    'medtext embed models/minilm --file questions.csv --column query1 --output questions.npy',
  ],
  run: embed,
};

async function embed(args: Arguments, context: Context): Promise<void> {
  const folder = modelOrPath(args.needed(0, 'The model folder'));
  if (args.has('file')) return embedFileOf(args, folder, context);
  for (const name of ['column', 'sheet', 'output', 'skip-bad-rows']) {
    if (args.has(name)) throw args.wrong(`--${name} needs --file.`);
  }
  args.needed(1, 'The text');
  const { screen, signal } = context;
  const texts = args.positionals.slice(1);
  if (texts.some((text) => text.trim() === '')) throw args.wrong('A text is empty.');
  const { openEmbedder } = await import('../../inference/embedder');
  const { cosine } = await import('../../inference/vectorScorer');
  const embedder = await openEmbedder(folder, {
    ...(await placeOf(args, folder, context)),
    signal,
  });
  try {
    const { dimensions } = embedder;
    const values = await embedder.embed(texts, { signal, onProgress: texts.length > 100 ? countProgress(screen, 'texts') : undefined }); // prettier-ignore
    const vectorOf = (i: number) => values.subarray(i * dimensions, (i + 1) * dimensions);
    texts.forEach((text, i) => screen.printJson({ text, embedding: [...vectorOf(i)] }));
    const { pooling, normalize } = embedder.layout;
    screen.print(`${dimensions} dimensions, ${pooling} pooling${normalize ? ', length 1' : ''}`);
    if (screen.json || texts.length < 2) return;
    if (texts.length > MAX_TABLE) {
      screen.print(`${counted(texts.length, 'text')}; cosines are shown for at most ${MAX_TABLE}. --json prints the vectors; --file and --output write them to a file.`); // prettier-ignore
      return;
    }
    const vectors = texts.map((_, i) => vectorOf(i));
    const rows = texts.map((text, i) => [clip(text, 30), ...vectors.map((other) => decimal(cosine(vectors[i], other), 3))]); // prettier-ignore
    screen.print('', ...table(rows, texts.map((_, i) => i + 1))); // prettier-ignore
  } finally {
    await embedder.close();
  }
}

async function embedFileOf(args: Arguments, folder: string, context: Context): Promise<void> {
  const { screen, signal } = context;
  args.atMost(1);
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output is missing: a .npy, .parquet or .jsonl file.');
  const { embedFile } = await import('../../evaluation/embedFile');
  const result = await embedFile(folder, args.text('file')!, output, {
    ...(await placeOf(args, folder, context)),
    column: args.text('column'),
    sheet: args.text('sheet'),
    onBadRow: args.flag('skip-bad-rows') ? 'skip' : 'stop',
    onProgress: countProgress(screen, 'texts'),
    log: (line) => screen.note(line),
    signal,
  });
  screen.printJson(result);
  screen.print(
    ...properties([
      ['output', result.output],
      ['texts', counted(result.rows, 'text')],
      ...(result.badRows > 0 ? [['left out', counted(result.badRows, 'row')] as const] : []),
      ['dimensions', String(result.dimensions)],
    ]),
  );
}

async function placeOf(args: Arguments, folder: string, context: Context) {
  const precision = await chosenPrecision(args, folder, context);
  return {
    precision,
    device: await deviceFor(precision, args.text('device')),
    threads: args.number('threads', 1, 1024),
  };
}
