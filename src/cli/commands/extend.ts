import { resolve } from 'node:path';
import { readTextFile } from '../../base/textFile';
import type { Arguments, Command, Context } from '../commandLine';
import { bytes, clip, integer, properties, table } from '../terminal';

export const extendCommand: Command = {
  name: 'extend',
  usage: [
    'extend <model> --texts PATH [--texts PATH …] [--terms FILE] [--top N]',
    'extend <model> --add FILE --output DIR',
  ],
  summary: 'List the words that a vocabulary lacks in your texts, and write a model that has them as tokens.',
  details: [
    'With --texts, lists words that the tokenizer does not know or splits, with their counts: unknown ones first, then those',
    'that cost most tokens. Words are parted by the segmenter of the runtime, joined with --terms (a term a line).',
    'With --add, writes the model with the tokens of a file (one a line). A new token begins as the mean of the pieces that it',
    'was split into, in the word embeddings and in the bias of a masked-language-model head. It means little until it is',
    'trained: continue pretraining on texts that have it.',
  ],
  options: {
    texts: { kind: 'list', value: 'PATH', help: 'A file or folder of texts. May be repeated.' },
    column: { kind: 'value', value: 'COLUMN', help: 'The column of the texts in tables. Default: the only one.' },
    terms: { kind: 'value', value: 'FILE', help: 'Terms that are words, one a line.' },
    top: { kind: 'value', value: 'N', help: 'How many words to list. Default: 50.' },
    add: { kind: 'value', value: 'FILE', help: 'The tokens to add, one a line.' },
    output: { kind: 'value', value: 'DIR', short: 'o', help: 'The folder to write; it must be new or empty.' },
  },
  examples: [
    'medtext extend models/structbert --texts notes --terms terms.txt --top 100',
    'medtext extend models/structbert --add new-tokens.txt --output models/structbert-extended',
  ],
  run: extend,
};

async function extend(args: Arguments, context: Context): Promise<void> {
  args.atMost(1);
  const model = args.needed(0, 'The model folder');
  const { readTerms } = await import('../../data/corpus/wordBoundaries');
  const listOf = async (file: string | undefined) =>
    file === undefined ? [] : readTerms(await readTextFile(file), file);
  const added = args.text('add');
  if (added === undefined) return list(args, model, await listOf(args.text('terms')), context);
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
  if (paths.length === 0) throw args.wrong('--texts PATH is missing, or --add FILE and --output DIR.');
  const { openModelFolder, readTokenizerFiles } = await import('../../models/modelFolder');
  const { loadTokenizer } = await import('../../tokenization/tokenizer');
  const { vocabularyGaps } = await import('../../training/vocabularyGaps');
  const folder = await openModelFolder(model);
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
  screen.print(...table([['word', 'count', '', 'pieces'], ...rows], [1]));
}
