import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { parseMetricsLine, type MetricsRecord } from '../protocol/metricsLine';

/** Longer than any line of ours; more is not a metrics log. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * A run's metrics, one JSON object a line, only ever appended to. A run that is killed may leave its last line torn;
 * opening cuts that off, and on resume also what had been logged beyond the checkpoint, so that the log of an
 * interrupted run reads as if it had never been interrupted.
 */
export class MetricsLog {
  private constructor(
    private readonly file: string,
    private descriptor: number,
  ) {}

  /**
   * Opens the log for appending; makes it if absent.
   * @param resumedStep step of the checkpoint that training continues from; later lines are removed. 0 for a new run.
   * @throws IO, DISK_FULL · RESUME when a line before the end cannot be read
   */
  static async open(file: string, resumedStep: number): Promise<MetricsLog> {
    try {
      mkdirSync(dirname(file), { recursive: true });
      if (existsSync(file)) truncateSync(file, await sizeUpTo(file, resumedStep));
      return new MetricsLog(file, openSync(file, 'a'));
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  /** Adds one line, in one write. Numbers that JSON has no word for (NaN, infinite) become null. */
  append(record: MetricsRecord): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      for (let written = 0; written < line.length;) written += writeSync(this.descriptor, line, written);
    } catch (error) {
      const { code, message, words: said, detail } = asMedTextError(error);
      throw new MedTextError(
        code,
        words`${this.file}: ${said ?? message}`,
        { ...detail, file: this.file },
        { cause: error },
      );
    }
  }

  /** Brings what was appended to the disk: before a checkpoint that the log must not fall behind. */
  flush(): void {
    fsyncSync(this.descriptor);
  }

  close(): void {
    if (this.descriptor < 0) return;
    this.flush();
    closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/**
 * The records of a log, a torn last line left out; none when the file is absent. Safe while a run is writing.
 * @throws IO · RESUME when a line before the end cannot be read
 */
export async function* readMetricsLog(file: string): AsyncGenerator<MetricsRecord> {
  for await (const { record } of completeLines(file)) yield record;
}

async function sizeUpTo(file: string, step: number): Promise<number> {
  let size = 0;
  for await (const line of completeLines(file)) {
    if (line.record.step > step) break;
    size = line.end;
  }
  return size;
}

async function* completeLines(file: string): AsyncGenerator<{ record: MetricsRecord; end: number }> {
  if (!existsSync(file)) return;
  let number = 0;
  let unreadable: { number: number } | undefined;
  for await (const { text, end } of linesOf(file)) {
    // A power cut can leave a last line of zeros or half a line with more after it: only the very last may be bad.
    if (unreadable) throw brokenLine(file, unreadable.number);
    number++;
    const record = parseMetricsLine(text);
    if (record) yield { record, end };
    else unreadable = { number };
  }
}

function brokenLine(file: string, line: number): MedTextError {
  return new MedTextError(
    'RESUME',
    words`${file}, line ${line} is not a line of a metrics log: a JSON object with a "step". The file was changed or damaged; correct or remove that line.`,
    { file, line },
  );
}

/** Lines that end in a line feed, with the offset after it; what follows the last line feed is a torn line. */
async function* linesOf(file: string): AsyncGenerator<{ text: string; end: number }> {
  let pieces: Buffer[] = [];
  let length = 0;
  let end = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, start)) {
        pieces.push(chunk.subarray(start, feed));
        end += length + feed - start + 1;
        yield { text: Buffer.concat(pieces).toString('utf8'), end };
        pieces = [];
        length = 0;
        start = feed + 1;
      }
      pieces.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > MAX_LINE_BYTES)
        throw new MedTextError('RESUME', words`${file} is not a metrics log: a line has no end.`);
    }
  } catch (error) {
    throw asMedTextError(error);
  }
}
