import { existsSync } from 'node:fs';
import { readTextFile } from '../../base/textFile';
import type { PieceClass } from '../../tokenization/pruneVocabulary';
import { meant, type Arguments, type Command, type Context } from '../commandLine';
import { modelOrPath } from '../modelArgument';
import type { Screen } from '../screen';
import { bytes, clip, counted, integer, oneLine, percent, properties } from '../terminal';

export const pruneCommand: Command = {
  name: 'prune',
  usage: ['prune <model> [--texts FILE …] [--keep LIST] [--layers N|LIST] --output DIR'],
  summary:
    'Remove the tokens that your texts do not need, and layers if you wish. The remaining weights do not change.',
  details: [
    'The smaller vocabulary keeps the special tokens, the pieces of the prompts, the pieces that occur in the texts',
    '(--min-count), and what --keep lists: characters (single Chinese, Latin and Greek characters, digits, signs), ascii,',
    'punctuation, or a file with one piece a line. If all pieces of a text stay, its tokens and its vector do not change.',
    'The command tokenises the texts before and after, and reports the differences. Use training texts, never test texts.',
    'Unigram and WordPiece vocabularies can be cut. BPE vocabularies cannot, because BPE merges build pieces from other pieces.',
    'A model with fewer layers is another model: fine-tune it before you judge it.',
  ],
  options: {
    texts: { kind: 'list', value: 'FILE', help: 'A data file, or lines of text (.txt). May be repeated.' },
    keep: { kind: 'value', value: 'LIST', help: 'What else to keep: characters, ascii, punctuation or files, separated by commas. Default: characters.' }, // prettier-ignore
    'min-count': { kind: 'value', value: 'N', help: 'How often a piece must occur in the texts. Default: 1.' },
    layers: {
      kind: 'value',
      value: 'N|LIST',
      help: 'The layers to keep: the first N, or single layers counted from 0, such as 0,2,4. Default: all.',
    },
    output: {
      kind: 'value',
      value: 'DIR',
      short: 'o',
      help: 'The folder to write. It must be new, empty, or a model folder, which is replaced.',
    },
  },
  examples: ['medtext prune models/xlmr --texts train.json --keep characters --min-count 5 --output models/xlmr-zh'],
  run: prune,
};

async function prune(args: Arguments, { screen, signal }: Context): Promise<void> {
  args.atMost(1);
  const model = modelOrPath(args.needed(0, 'The model folder'));
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const { pruneModel } = await import('../../library/pruneModel');
  const { imported, vocabulary, layers, changes } = await pruneModel(model, output, {
    texts: textsOf(args.list('texts'), screen, signal),
    minCount: args.number('min-count', 1, 1_000_000_000) ?? 1,
    ...(await kept(args)),
    layers: chosenLayers(args),
    signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      screen.progress(
        totalBytes > 0 ? doneBytes / totalBytes : 1,
        `${bytes(doneBytes)} of ${bytes(totalBytes)} written`,
      ),
  });
  screen.printJson({ model: imported.path, parameterCount: imported.parameterCount, vocabulary, layers, changes });
  screen.print(
    imported.path,
    ...properties([
      ['vocabulary', `${integer(vocabulary.after)} of ${integer(vocabulary.before)} tokens`],
      ['layers', `${layers.after} of ${layers.before}`],
      ['parameters', `${integer(imported.parameterCount)} (${bytes(4 * imported.parameterCount)})`],
      ['texts', `${counted(changes.texts, 'text')}, ${integer(changes.changed)} with other tokens (${percent(changes.changed / Math.max(1, changes.texts))})`], // prettier-ignore
      ['tokens', `${integer(changes.tokensBefore)} before, ${integer(changes.tokensAfter)} after; ${integer(changes.newUnknown)} became unknown`], // prettier-ignore
    ]),
    ...changes.examples.flatMap(({ text, before, after }) => ['', clip(oneLine(text), 100), `  ${clip(before.join(' '), 100)}`, `  ${clip(after.join(' '), 100)}`]), // prettier-ignore
  );
}

/** Parses `--layers`: `6` means the first six layers, `0,2,4` or `3,` these layers. */
function chosenLayers(args: Arguments): number[] | undefined {
  const given = args.text('layers');
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given)) return Array.from({ length: args.number('layers', 1, 10_000)! }, (_, layer) => layer);
  const layers = given
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const ascending = layers.every(
    (layer, i) => Number.isInteger(layer) && layer >= 0 && (i === 0 || layer > layers[i - 1]),
  );
  if (layers.length === 0 || !ascending) {
    throw args.wrong(
      `--layers is "${given}"; it must be a number of layers, or layer numbers from 0 in ascending order, such as 0,2,4.`,
    );
  }
  return layers;
}

/** Parses `--keep`: names of classes, or files with one piece a line. */
async function kept(args: Arguments): Promise<{ classes: PieceClass[]; pieces: Set<string> }> {
  const { PIECE_CLASSES } = await import('../../tokenization/pruneVocabulary');
  const classes: PieceClass[] = [];
  const pieces = new Set<string>();
  for (const name of (args.text('keep') ?? 'characters').split(',').map((part) => part.trim())) {
    if (name === '') continue;
    if (Object.hasOwn(PIECE_CLASSES, name)) {
      classes.push(name as PieceClass);
    } else if (existsSync(name)) {
      for (const line of (await readTextFile(name)).split(/\r?\n/)) if (line !== '') pieces.add(line);
    } else {
      const names = Object.keys(PIECE_CLASSES);
      throw args.wrong(`--keep has "${name}", which is no file and none of ${names.join(', ')}.${meant(name, names)}`);
    }
  }
  return { classes, pieces };
}

/** The texts of data files: those of the columns recognised as texts, otherwise those of all columns. */
async function* textsOf(files: readonly string[], screen: Screen, signal: AbortSignal): AsyncGenerator<string> {
  const { openDataFile } = await import('../../data/dataFile');
  const { isBadRow, valueIn } = await import('../../data/dataRow');
  const { guessFields, withoutRepeated } = await import('../../data/columns');
  for (const path of files) {
    const file = await openDataFile(path, {});
    const guessed = guessFields(
      file.columns,
      file.sample.map((row) => row.values),
    );
    const { guess, warnings } = withoutRepeated(file, guessed);
    const named = [guess.firstSequence, guess.secondSequence].filter((column) => column !== undefined);
    const columns = named.length > 0 && warnings.length === 0 ? named : file.columns;
    let badRows = 0;
    for await (const row of file.rows(signal)) {
      if (isBadRow(row)) {
        badRows++;
        continue;
      }
      for (const column of columns) {
        const value = valueIn(row.values, column);
        if (typeof value === 'string' && value !== '') yield value;
        else if (typeof value === 'number') yield String(value);
      }
    }
    if (badRows > 0) screen.note(`${path}: ${counted(badRows, 'row')} left out: unreadable`);
  }
}
