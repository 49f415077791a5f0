/** How fast a corpus is prepared for continued pretraining. See USAGE. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findCorpusFiles } from '../src/data/corpus/corpusFiles';
import { prepareCorpusIndex } from '../src/data/corpus/corpusIndex';
import { documentRuleOf } from '../src/data/corpus/corpusLines';
import { openModelFolder, readTokenizerFiles } from '../src/models/modelFolder';
import { loadTokenizer } from '../src/tokenization/tokenizer';
import { corpusEncoding } from '../src/training/corpus/corpusEncoding';
import { benchOptions, runMain } from './support/report';

const USAGE = `npm run bench:corpus -- --texts PATH [--model FOLDER] [--terms FILE]

How fast a corpus is prepared for continued pretraining, token by token and by whole words, in CPU time. PATH is a file or folder
of natural text: repeated text would be remembered, and look faster than it is. --model gives the vocabulary, --terms the words.`;

async function main(): Promise<void> {
  const values = benchOptions(USAGE, {
    texts: { type: 'string' },
    model: { type: 'string', default: 'samples/structbert-tiny' },
    terms: { type: 'string', default: 'samples/terms.txt' },
  });
  if (values.texts === undefined) throw new Error('--texts PATH is missing');
  const corpus = await findCorpusFiles([resolve(values.texts)]);
  const rule = await documentRuleOf(corpus, 'auto');
  const tokenizer = loadTokenizer(await readTokenizerFiles(await openModelFolder(values.model)), values.model);
  const megabytes = corpus.sizeBytes / 1e6;
  console.log(`${megabytes.toFixed(1)} MB in ${corpus.files.length} files`);
  for (const whole_word of [false, true]) {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-corpus-'));
    try {
      const { encode, icu, key } = await corpusEncoding(
        { whole_word, terms: values.terms },
        tokenizer,
        () => undefined,
      );
      const before = process.cpuUsage();
      const index = await prepareCorpusIndex(folder, corpus, { key, reading: { rule }, onBadRow: 'skip', encode, icu, unknownTokenId: tokenizer.specialIds.unk }); // prettier-ignore
      const { user, system } = process.cpuUsage(before);
      const seconds = (user + system) / 1e6;
      console.log(`${whole_word ? 'whole words' : 'tokens     '}: ${seconds.toFixed(1)} s of CPU time, ${(megabytes / seconds).toFixed(2)} MB/s, 1 GB in ${((1000 * seconds) / megabytes / 60).toFixed(1)} min; ${index.facts.tokens} tokens, ${index.facts.words} words, ${index.facts.documents} documents`); // prettier-ignore
      index.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

runMain(main);
