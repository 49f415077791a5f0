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

/** A limit beyond every line of a metrics log. A file with a longer line is refused. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * A run's metrics, one JSON object a line. Lines are only appended. A killed run may leave its last line incomplete, and
 * opening removes that line. On resume, opening also removes lines beyond the checkpoint, so that the log looks as if the
 * run had never been interrupted.
 */
export class MetricsLog {
  private constructor(
    private readonly file: string,
    private descriptor: number,
  ) {}

  /**
   * Opens the log for appending, and makes it if needed.
   * @param resumedStep the step of the checkpoint that the training continues from, 0 for a new run; later lines are removed
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

  /** Adds one line in one write. NaN and infinities, which JSON cannot hold, become null. */
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

  /** Writes appended lines to the disk. It is called before a checkpoint, which the log must not fall behind. */
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
 * Reads the records of a log without an incomplete last line; none if the file is absent. A run may write meanwhile.
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
    // A power cut can leave a bad line with more lines after it. Only the very last line may be bad.
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

/** Yields lines that end in a line feed, each with the offset after it. Text after the last line feed is an incomplete line. */
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
