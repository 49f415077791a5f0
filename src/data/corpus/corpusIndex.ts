/**
 * A corpus as token ids on the disk: `tokens.bin`, one uint32 a token (its id, and whether a word or a sentence begins with it),
 * `documents.bin`, 16 bytes a document, and `index.json`. It is made once for a corpus, a tokenizer and a list of terms, whatever
 * the length of sequences; a preparation that was interrupted goes on where it was.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { FileLock } from '../../base/fileLock';
import { readTextFile } from '../../base/textFile';
import type { CorpusFiles } from './corpusFiles';
import { corpusLines, type CorpusReading } from './corpusLines';
import { sentencesOf } from './sentences';

const FORMAT = 1;
const ID_BITS = 0x3fffffff;
const WORD_START = 0x80000000;
const SENTENCE_START = 0x40000000;
const DOCUMENT_BYTES = 16;

/** A text's ids, and of each whether a word begins with it; of one length. */
export interface EncodedText {
  readonly ids: ArrayLike<number>;
  readonly wordStarts: ArrayLike<number | boolean>;
}

export interface IndexOptions {
  /** Identifies corpus, reading, tokenizer and terms: an index of another key is not this one. */
  readonly key: string;
  readonly reading: CorpusReading;
  /** What becomes of a place that cannot be read. */
  readonly onBadRow: 'stop' | 'skip';
  readonly encode: (sentence: string) => EncodedText;
  /** What the words were found with, kept with the index. */
  readonly icu: string | null;
  readonly onProgress?: (progress: CorpusProgress) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds between two states on the disk that an interrupted preparation can go on from. */
  readonly saveEveryMs?: number;
}

export interface CorpusProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly secondsLeft: number;
}

/** What an index knows of its corpus. */
export interface CorpusFacts {
  readonly icu: string | null;
  readonly tokens: number;
  readonly words: number;
  readonly documents: number;
  readonly characters: number;
  readonly unknownTokens: number;
  /** Places that could not be read and were left out. */
  readonly badRows: number;
}

type Counts = Omit<CorpusFacts, 'icu'>;

/** index.json */
interface IndexState extends CorpusFacts {
  readonly format: typeof FORMAT;
  readonly key: string;
  readonly isComplete: boolean;
  /** Where a preparation goes on: the file, how many of its lines are done, and the document that was begun. */
  readonly file: number;
  readonly lines: number;
  readonly begun: { readonly start: number; readonly hash: number; readonly file: number } | null;
}

const NOTHING: Counts = { tokens: 0, words: 0, documents: 0, characters: 0, unknownTokens: 0, badRows: 0 };

/**
 * The index in `folder`: as it is where it is complete, else made, or gone on with.
 * @param unknownTokenId is counted
 * @throws MedTextError BUSY while another process makes it; DATA_FORMAT for a place that cannot be read, or a corpus without a
 *   token; DISK_FULL, IO, CANCELLED (what is done is kept).
 */
export async function prepareCorpusIndex(
  folder: string,
  corpus: CorpusFiles,
  options: IndexOptions & { readonly unknownTokenId: number | undefined },
): Promise<CorpusIndex> {
  const known = await readState(folder, options.key);
  if (known?.isComplete) return CorpusIndex.open(folder, known);
  const lock = await FileLock.take(join(folder, 'index.lock'), words`Another process prepares the corpus in ${folder}`);
  try {
    const begun = await readState(folder, options.key);
    if (!begun?.isComplete) await new IndexWriter(folder, corpus, options, begun).write();
    return await CorpusIndex.open(folder, (await readState(folder, options.key))!);
  } finally {
    await lock.release();
  }
}

/** Undefined where there is none of this key. */
async function readState(folder: string, key: string): Promise<IndexState | undefined> {
  const file = join(folder, 'index.json');
  if (!(await stat(file).catch(() => undefined))) return undefined;
  try {
    const state = JSON.parse(await readTextFile(file)) as IndexState;
    return state.format === FORMAT && state.key === key ? state : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw asMedTextError(error);
  }
}

/** Tokens that are kept before they are written. */
const BUFFERED = 1 << 18;

class IndexWriter {
  private readonly buffer = new Uint32Array(BUFFERED);
  private buffered = 0;
  private readonly ended: { start: number; hash: number; file: number }[] = [];
  private counts: Counts;
  private begun: { start: number; hash: number; file: number } | null;
  private tokensFile!: FileHandle;
  private documentsFile!: FileHandle;
  private savedAt = performance.now();
  private toldAt = 0;
  private readonly startedAt = performance.now();
  private readonly bytesAtStart: number;
  private readonly icu: string | null;

  constructor(
    private readonly folder: string,
    private readonly corpus: CorpusFiles,
    private readonly options: IndexOptions & { readonly unknownTokenId: number | undefined },
    private readonly state: IndexState | undefined,
  ) {
    // Words of two versions in one index would be neither's.
    const goesOn = state && state.icu === options.icu ? state : undefined;
    this.state = goesOn;
    const { tokens, words: count, documents, characters, unknownTokens, badRows } = goesOn ?? NOTHING;
    this.counts = { tokens, words: count, documents, characters, unknownTokens, badRows };
    this.begun = goesOn?.begun ?? null;
    this.icu = options.icu;
    this.bytesAtStart = corpus.files.slice(0, goesOn?.file ?? 0).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  async write(): Promise<void> {
    const { files } = this.corpus;
    try {
      await mkdir(this.folder, { recursive: true });
      this.tokensFile = await openAt(join(this.folder, 'tokens.bin'), 4 * this.counts.tokens);
      this.documentsFile = await openAt(join(this.folder, 'documents.bin'), DOCUMENT_BYTES * this.counts.documents);
      try {
        for (let file = this.state?.file ?? 0; file < files.length; file++) {
          await this.readFile(file, file === this.state?.file ? this.state.lines : 0);
        }
        this.endDocument();
        if (this.counts.tokens === 0) throw nothingToRead(files.map(({ file }) => file));
        await this.save(files.length, 0, true);
      } finally {
        await this.tokensFile.close();
        await this.documentsFile.close();
      }
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  private async readFile(index: number, doneLines: number): Promise<void> {
    const { options, corpus } = this;
    const { file, sizeBytes } = corpus.files[index];
    let lines = 0;
    let characters = 0;
    const bytesBefore = corpus.files.slice(0, index).reduce((sum, each) => sum + each.sizeBytes, 0);
    for await (const batch of corpusLines(corpus.files[index], options.reading, options.signal)) {
      for (const line of batch) {
        lines++;
        if ('text' in line) characters += line.text.length;
        if (lines <= doneLines) continue;
        if (line.startsDocument) this.endDocument();
        if ('reason' in line) this.badRow(file, line.line, line.reason);
        else {
          this.begun ??= { start: this.counts.tokens, hash: 0x811c9dc5, file: index };
          await this.addLine(line.text);
        }
        if (performance.now() - this.savedAt > (options.saveEveryMs ?? 5000)) await this.save(index, lines, false);
      }
      // About three bytes a character: progress need be no more exact.
      this.tell(bytesBefore + Math.min(sizeBytes, 3 * characters));
      if (options.signal?.aborted) {
        await this.save(index, lines, false);
        throw new MedTextError('CANCELLED', 'The preparation of the corpus was cancelled.');
      }
    }
  }

  private badRow(file: string, line: number, reason: unknown): void {
    if (this.options.onBadRow === 'stop') {
      throw new MedTextError(
        'DATA_FORMAT',
        words`${file}, line ${line}: ${reason}. Correct it, or set on_bad_row to "skip" to skip such places.`,
        { file, line },
      );
    }
    this.counts = { ...this.counts, badRows: this.counts.badRows + 1 };
  }

  private async addLine(text: string): Promise<void> {
    const { unknownTokenId } = this.options;
    const begun = this.begun!;
    let { hash } = begun;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.begun = { ...begun, hash: hash >>> 0 };
    let [tokens, wordCount, unknownTokens] = [0, 0, 0];
    for (const sentence of sentencesOf(text)) {
      const { ids, wordStarts } = this.options.encode(sentence);
      if (this.buffered + ids.length > BUFFERED) await this.flush();
      for (let i = 0; i < ids.length; i++) {
        if (this.buffered === BUFFERED) await this.flush();
        const startsWord = i === 0 || wordStarts[i];
        this.buffer[this.buffered++] = ids[i] + (startsWord ? WORD_START : 0) + (i === 0 ? SENTENCE_START : 0);
        if (startsWord) wordCount++;
        if (ids[i] === unknownTokenId) unknownTokens++;
      }
      tokens += ids.length;
    }
    const counts = this.counts;
    this.counts = {
      ...counts,
      tokens: counts.tokens + tokens,
      words: counts.words + wordCount,
      characters: counts.characters + text.length,
      unknownTokens: counts.unknownTokens + unknownTokens,
    };
  }

  /** A document of no tokens is none. */
  private endDocument(): void {
    const { begun, counts } = this;
    this.begun = null;
    if (!begun || begun.start === counts.tokens) return;
    this.ended.push(begun);
    this.counts = { ...counts, documents: counts.documents + 1 };
  }

  private async flush(): Promise<void> {
    const { buffer, buffered } = this;
    await this.tokensFile.writeFile(new Uint8Array(buffer.buffer, 0, 4 * buffered));
    this.buffered = 0;
    const records = Buffer.alloc(DOCUMENT_BYTES * this.ended.length);
    this.ended.forEach(({ start, hash, file }, i) => {
      records.writeDoubleLE(start, DOCUMENT_BYTES * i);
      records.writeUInt32LE(hash, DOCUMENT_BYTES * i + 8);
      records.writeUInt32LE(file, DOCUMENT_BYTES * i + 12);
    });
    await this.documentsFile.writeFile(records);
    this.ended.length = 0;
  }

  /** What is on the disk by now is what a preparation that is interrupted later goes on from. */
  private async save(file: number, lines: number, isComplete: boolean): Promise<void> {
    await this.flush();
    await this.tokensFile.sync();
    await this.documentsFile.sync();
    const { counts, begun, icu } = this;
    const state: IndexState = { format: FORMAT, key: this.options.key, isComplete, icu, ...counts, file, lines, begun };
    await writeFileAtomically(join(this.folder, 'index.json'), `${JSON.stringify(state, null, 2)}\n`);
    this.savedAt = performance.now();
  }

  private tell(doneBytes: number): void {
    const now = performance.now();
    if (!this.options.onProgress || now - this.toldAt < 200) return;
    this.toldAt = now;
    const { sizeBytes: totalBytes } = this.corpus;
    const pace = (doneBytes - this.bytesAtStart) / (now - this.startedAt);
    const secondsLeft = (totalBytes - doneBytes) / Math.max(pace, 1e-9) / 1000;
    this.options.onProgress({ doneBytes, totalBytes, secondsLeft });
  }
}

/** The file, cut to `bytes`, to be written from there on. */
async function openAt(path: string, bytes: number): Promise<FileHandle> {
  const file = await open(path, bytes > 0 ? 'r+' : 'w');
  await file.truncate(bytes);
  // A handle writes from its own position on; one opened to append would do so even after a cut.
  await file.close();
  return open(path, 'a');
}

function nothingToRead(files: readonly string[]): MedTextError {
  return new MedTextError('DATA_FORMAT', words`${files[0]}: there is no text to train on.`, { files: files.slice(0, 5) }); // prettier-ignore
}

/** A part of a corpus's tokens. */
export interface CorpusTokens {
  readonly ids: Int32Array;
  /** 1 where a word, a sentence begins. */
  readonly wordStarts: Uint8Array;
  readonly sentenceStarts: Uint8Array;
}

/** A prepared corpus. Its tokens stay on the disk; sixteen bytes of a document are in memory. */
export class CorpusIndex {
  private constructor(
    readonly folder: string,
    readonly facts: CorpusFacts,
    private readonly file: number,
    /** [documents + 1] the token that a document begins with; of the last, how many there are. */
    readonly starts: Float64Array,
    /** [documents] of their text: equal documents have equal ones. */
    readonly hashes: Uint32Array,
  ) {}

  static async open(folder: string, facts: CorpusFacts): Promise<CorpusIndex> {
    const records = await readFile(join(folder, 'documents.bin')).catch((error: unknown) => {
      throw asMedTextError(error);
    });
    const { size } = await stat(join(folder, 'tokens.bin'));
    if (records.length !== DOCUMENT_BYTES * facts.documents || size !== 4 * facts.tokens) {
      throw new MedTextError(
        'IO',
        words`${folder} is damaged: the lengths of its files have changed. Delete it, and the corpus is prepared again.`,
        { folder },
      );
    }
    const starts = new Float64Array(facts.documents + 1);
    const hashes = new Uint32Array(facts.documents);
    for (let i = 0; i < facts.documents; i++) {
      starts[i] = records.readDoubleLE(DOCUMENT_BYTES * i);
      hashes[i] = records.readUInt32LE(DOCUMENT_BYTES * i + 8);
    }
    starts[facts.documents] = facts.tokens;
    const { icu, tokens, words: wordCount, documents, characters, unknownTokens, badRows } = facts;
    const known = { icu, tokens, words: wordCount, documents, characters, unknownTokens, badRows };
    return new CorpusIndex(folder, known, openSync(join(folder, 'tokens.bin'), 'r'), starts, hashes);
  }

  get documentCount(): number {
    return this.hashes.length;
  }

  /** @throws MedTextError IO. */
  tokens(start: number, count: number): CorpusTokens {
    const words32 = new Uint32Array(count);
    try {
      readSync(this.file, words32, 0, 4 * count, 4 * start);
    } catch (error) {
      throw asMedTextError(error);
    }
    return {
      ids: Int32Array.from(words32, (word) => word & ID_BITS),
      wordStarts: Uint8Array.from(words32, (word) => (word & WORD_START ? 1 : 0)),
      sentenceStarts: Uint8Array.from(words32, (word) => (word & SENTENCE_START ? 1 : 0)),
    };
  }

  close(): void {
    closeSync(this.file);
  }
}
