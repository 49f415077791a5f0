/** What a run that learns from texts reads: a corpus, prepared on the disk, as sequences to learn from and others held out. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { MedTextError, words } from '../../base/errors';
import { durationText } from '../../base/durationText';
import { untranslated } from '../../base/translate';
import { sha256OfFile } from '../../models/modelContent';
import { findCorpusFiles, type CorpusFiles } from '../../data/corpus/corpusFiles';
import { prepareCorpusIndex, type CorpusIndex } from '../../data/corpus/corpusIndex';
import { documentRuleOf } from '../../data/corpus/corpusLines';
import { CorpusSequences, heldOutDocuments } from '../../data/corpus/corpusSequences';
import type { ModelFolder } from '../../models/modelFolder';
import type { ResolvedRecipe, ResolvedSplit } from '../../protocol/recipe';
import type { DataRecord } from '../../protocol/runRecord';
import type { PreparationProgress } from '../../protocol/trainer';
import type { MaskingOptions } from '../../tasks/masking';
import { PretrainingExamples } from '../../tasks/pretrainingExamples';
import type { Tokenizer } from '../../tokenization/tokenizer';
import { corpusEncoding, type CorpusEncoding } from './corpusEncoding';
import type { EncodedSplit } from '../encodedSplit';

export interface CorpusMaterial {
  readonly train: EncodedSplit;
  readonly validation: EncodedSplit;
  readonly maxLength: number;
  readonly records: Readonly<Record<string, DataRecord>>;
  readonly close: () => void;
}

/** Where the recipe says nothing: BERT's own sequences for nine tenths of its steps. */
const USUAL_MAX_LENGTH = 128;
const USUAL_HELD_OUT = 0.05;
/** The epoch of a mask that never changes. */
const FIXED = -1;
/** The pause between two lines of the log about a preparation. */
const TELL_EVERY_MS = 5000;

interface Options {
  readonly log: (line: string) => void;
  readonly onPreparation?: (progress: PreparationProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * @param recipe with absolute paths
 * @throws MedTextError what finding, reading and preparing the texts throw; RECIPE, TOKENIZER, CANCELLED.
 */
export async function readCorpus(
  recipe: ResolvedRecipe,
  folder: ModelFolder,
  tokenizer: Tokenizer,
  tokenizerHash: string,
  { log, onPreparation, signal }: Options,
): Promise<CorpusMaterial> {
  const { train, validation, split: heldOut } = recipe.dataset;
  const maxLength = maxLengthOf(recipe, folder);
  const encoding = await corpusEncoding(recipe.train.masking!, tokenizer, log);
  const open = (split: ResolvedSplit) => openCorpus(split, recipe, tokenizer, { ...encoding, tokenizerHash }, { log, onPreparation, signal }); // prettier-ignore
  const corpus = await open(train);
  const other = validation && (await open(validation));
  const isHeldOut = other ? undefined : heldOutDocuments(corpus.index, heldOut?.validation ?? USUAL_HELD_OUT, heldOut?.seed ?? recipe.train.seed); // prettier-ignore
  const examplesOf = (index: CorpusIndex, takes: (document: number) => boolean) =>
    new PretrainingExamples(new CorpusSequences(index, takes, maxLength - tokenizer.specialTokenCount(Boolean(recipe.train.struct_bert))), {
      masking: maskingOf(recipe, folder, tokenizer),
      shuffledShare: recipe.train.struct_bert?.shuffled_share,
      seed: recipe.train.seed,
      framed: (a, b) => tokenizer.framed(a, b),
      tokens: (start, count) => index.tokens(start, count),
    }); // prettier-ignore
  const learned = examplesOf(corpus.index, (document) => !isHeldOut?.[document]);
  const measured = other ? examplesOf(other.index, () => true) : examplesOf(corpus.index, (document) => isHeldOut![document] === 1); // prettier-ignore
  const { terms } = recipe.train.masking!;
  const readWith = terms !== null && { readWith: { file: terms, sha256: await sha256OfFile(terms, signal) } };
  log(
    `${counted(learned.lengths.length, 'training sequence')}, ${measured.lengths.length} held out${
      isHeldOut
        ? ` (${counted(
            isHeldOut.reduce((sum, one) => sum + one, 0),
            'document',
          )})`
        : ''
    }, max_length ${maxLength}`,
  );
  return {
    train: windowsOf(learned),
    validation: windowsOf(measured, FIXED),
    maxLength,
    close: () => [corpus, other].forEach((one) => one?.index.close()),
    records: {
      train: { ...corpus.record, sequences: learned.lengths.length, ...readWith },
      validation: { ...(other ?? corpus).record, sequences: measured.lengths.length },
    },
  };
}

/** @param epoch of all of them; absent: each its own */
function windowsOf(examples: PretrainingExamples, epoch?: number): EncodedSplit {
  const { lengths } = examples;
  return { windows: { lengths, at: (place, now) => ({ ...examples.at(place, epoch ?? now), example: place }) } };
}

function maxLengthOf(recipe: ResolvedRecipe, { config, path }: ModelFolder): number {
  const wanted = recipe.train.max_length;
  if (wanted === 'auto') return Math.min(USUAL_MAX_LENGTH, config.maxPositions);
  if (wanted <= config.maxPositions) return wanted;
  throw new MedTextError(
    'RECIPE',
    words`max_length is ${wanted}, but the model at ${path} has ${config.maxPositions} positions.`,
    { maxLength: wanted, maxPositions: config.maxPositions },
  );
}

function maskingOf({ train }: ResolvedRecipe, { path, config }: ModelFolder, tokenizer: Tokenizer): MaskingOptions {
  const { share, mask_share: maskShare, random_share: randomShare } = train.masking!;
  const { mask } = tokenizer.specialIds;
  if (mask === undefined) {
    throw new MedTextError(
      'TOKENIZER',
      words`${path}: the vocabulary has no ${tokenizer.specialTokens.mask} (the mask token). Name the model's own as "mask_token" in tokenizer_config.json.`,
      { file: path },
    );
  }
  const special = new Set(Object.values(tokenizer.specialIds));
  const count = Math.min(tokenizer.vocabSize, config.vocabSize);
  const ordinaryIds = Int32Array.from({ length: count }, (_, id) => id).filter((id) => !special.has(id) && !/^\[unused\d+\]$/.test(tokenizer.tokenText(id))); // prettier-ignore
  return { share, maskShare, randomShare, maskTokenId: mask, ordinaryIds };
}

async function openCorpus(
  split: ResolvedSplit,
  { work_dir }: ResolvedRecipe,
  tokenizer: Tokenizer,
  { encode, icu, key: encodingKey, tokenizerHash }: CorpusEncoding & { readonly tokenizerHash: string },
  { log, onPreparation, signal }: Options,
): Promise<{ index: CorpusIndex; record: DataRecord }> {
  const files = await findCorpusFiles([split.file, ...(split.files ?? [])], signal);
  const column = split.first_sequence;
  const encodingName = split.encoding === 'auto' ? undefined : split.encoding;
  const header = split.header === 'auto' ? undefined : split.header;
  const rule = await documentRuleOf(files, split.document ?? 'auto', encodingName, signal);
  const parts = [files.sha256, rule, column ?? null, encodingName ?? null, tokenizerHash, encodingKey, ...(split.sheet === undefined ? [] : [split.sheet]), ...(header === undefined ? [] : [{ header }])]; // prettier-ignore
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  log(filesLine(files, rule));
  let toldAt = performance.now();
  const index = await prepareCorpusIndex(join(work_dir, '.corpora', key.slice(0, 24)), files, {
    key,
    reading: { rule, column, encoding: encodingName, header, sheet: split.sheet },
    onBadRow: split.on_bad_row,
    encode,
    icu,
    unknownTokenId: tokenizer.specialIds.unk,
    signal,
    onProgress: ({ doneBytes, totalBytes, secondsLeft }) => {
      onPreparation?.({ doneBytes, totalBytes, secondsLeft });
      if (performance.now() - toldAt < TELL_EVERY_MS) return;
      toldAt = performance.now();
      log(
        `Preparing the texts: ${Math.floor((100 * doneBytes) / totalBytes)} %, ${durationText(secondsLeft, untranslated)} left`,
      );
    },
  });
  const { facts } = index;
  const unknown = ((100 * facts.unknownTokens) / facts.tokens).toFixed(2);
  log(
    `${counted(facts.documents, 'document')}, ${counted(facts.characters, 'character')}, ${counted(facts.tokens, 'token')} (${unknown} % unknown)`,
  );
  if (facts.badRows > 0) log(`  left out: ${counted(facts.badRows, 'place')} that cannot be read`);
  const record: DataRecord = {
    file: split.file,
    sha256: files.sha256,
    sizeBytes: files.sizeBytes,
    rows: facts.documents,
    dropped: 0,
    badRows: facts.badRows,
    characters: facts.characters,
    tokens: facts.tokens,
    ...(facts.icu !== null && { icu: facts.icu }),
  };
  return { index, record };
}

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function filesLine({ files, passedOver }: CorpusFiles, rule: string): string {
  const what = { file: files.length === 1 ? 'one document' : 'each a document', 'blank-line': 'documents separated by blank lines', line: 'each line a document' }[rule]; // prettier-ignore
  const others =
    passedOver > 0 ? `; ${passedOver === 1 ? 'another file is' : `${passedOver} other files are`} not text` : '';
  return files.length === 1 ? `${basename(files[0].file)}, ${what}` : `${files.length} files, ${what}${others}`;
}
