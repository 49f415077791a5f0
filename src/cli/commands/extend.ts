import { resolve } from 'node:path';
import { readTextFile } from '../../base/textFile';
import type { Arguments, Command, Context } from '../commandLine';
import { modelOrPath } from '../modelArgument';
import { bytes, clip, integer, properties, table } from '../terminal';

export const extendCommand: Command = {
  name: 'extend',
  usage: [
    'extend <model> --texts PATH [--texts PATH …] [--terms FILE] [--top N]',
    'extend <model> --add FILE --output DIR',
  ],
  summary: 'List the words that a vocabulary lacks in your texts, and write a model that has them as tokens.',
  details: [
    'With --texts, the command lists the words that the tokenizer does not know or splits, with their counts. Unknown words come',
    'first, then the words that take the most tokens. In a Chinese BERT, whose tokens are single characters, these are all words',
    'of two or more characters. The segmenter of the runtime finds the words; --terms adds words to it (one a line).',
    'With --add, the command writes the model with the tokens of a file (one a line). A new token begins as the mean of the pieces',
    'that it was split into, in the word embeddings and in the bias of a masked-language-model head. It is of little use until it',
    'is trained: continue pretraining on texts that contain it.',
  ],
  options: {
    texts: { kind: 'list', value: 'PATH', help: 'A file or folder of texts. May be repeated.' },
    column: {
      kind: 'value',
      value: 'COLUMN',
      help: 'The column of the texts, if a file is a table. Default: its only column.',
    },
    terms: { kind: 'value', value: 'FILE', help: 'A file of terms that count as words, one a line.' },
    top: { kind: 'value', value: 'N', help: 'How many words to list. Default: 50.' },
    add: { kind: 'value', value: 'FILE', help: 'A file of the tokens to add, one a line.' },
    output: {
      kind: 'value',
      value: 'DIR',
      short: 'o',
      help: 'The folder to write. It must be new, empty, or a model folder, which is replaced.',
    },
  },
  examples: [
    'medtext extend models/structbert --texts notes --terms terms.txt --top 100',
    'medtext extend models/structbert --add new-tokens.txt --output models/structbert-extended',
  ],
  run: extend,
};

async function extend(args: Arguments, context: Context): Promise<void> {
  args.atMost(1);
  const model = modelOrPath(args.needed(0, 'The model folder'));
  const { readTerms } = await import('../../data/corpus/wordBoundaries');
  const listOf = async (file: string | undefined) =>
    file === undefined ? [] : readTerms(await readTextFile(file), file);
  const added = args.text('add');
  if (added === undefined) {
    args.refuse(['output'], 'needs --add with the tokens to add.');
    return list(args, model, await listOf(args.text('terms')), context);
  }
  args.refuse(['texts', 'column', 'terms', 'top'], 'lists words; leave it out with --add.');
  const output = args.text('output');
  if (output === undefined) throw args.wrong('--output DIR is missing.');
  const { screen, signal } = context;
  const { extendModel } = await import('../../library/extendModel');
  const { imported, vocabulary, tokens } = await extendModel(model, output, await listOf(added), {
    signal,
    onProgress: ({ doneBytes, totalBytes }) => screen.progress(totalBytes > 0 ? doneBytes / totalBytes : 1, `${bytes(doneBytes)} of ${bytes(totalBytes)} written`), // prettier-ignore
  });
  screen.printJson({ model: imported.path, parameterCount: imported.parameterCount, vocabulary, tokens });
  screen.print(
    imported.path,
    ...properties([
      ['vocabulary', `${integer(vocabulary.after)} tokens, ${integer(vocabulary.before)} before`],
      ['parameters', `${integer(imported.parameterCount)} (${bytes(4 * imported.parameterCount)})`],
    ]),
    ...table(
      tokens.slice(0, 20).map(({ token, pieces }) => [clip(token, 24), clip(pieces.join(' '), 50)]),
      [],
    ),
  );
}

async function list(
  args: Arguments,
  model: string,
  terms: readonly string[],
  { screen, signal }: Context,
): Promise<void> {
  // prettier-ignore
  const paths = args.list('texts').map((path) => resolve(path));
  if (paths.length === 0) throw args.wrong('Give --texts PATH, or --add FILE and --output DIR.');
  const { openExtendable } = await import('../../library/extendModel');
  const { readTokenizerFiles } = await import('../../models/modelFolder');
  const { loadTokenizer } = await import('../../tokenization/tokenizer');
  const { vocabularyGaps } = await import('../../training/corpus/vocabularyGaps');
  const folder = await openExtendable(model);
  const tokenizer = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  const gaps = await vocabularyGaps(tokenizer, {
    paths,
    column: args.text('column'),
    terms,
    top: args.number('top', 1, 1_000_000) ?? 50,
    signal,
    onProgress: (done, all) => screen.progress(done / all, `${integer(done)} of ${integer(all)} files`),
  });
  screen.printJson({ words: gaps });
  const rows = gaps.map(({ text, count, pieces, isUnknown }) => [clip(text, 24), integer(count), isUnknown ? 'unknown' : `${pieces.length} pieces`, clip(pieces.join(' '), 50)]); // prettier-ignore
  if (rows.length === 0) return screen.print('Every word of these texts is already one token.');
  screen.print(...table([['word', 'count', '', 'pieces'], ...rows], [1]));
  screen.print(`To add words as tokens, write them into a file, one a line, and run: medtext extend ${model} --add FILE --output DIR`); // prettier-ignore
}
