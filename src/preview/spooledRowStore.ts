import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { wordsFrom } from '../base/words';
import type { DataFile } from '../data/dataFile';
import { isBadRow, type BadRow, type DataRow } from '../data/dataRow';
import { BlockTable } from './blockTable';
import { throwIfAborted } from './pacer';
import { maxKeptBadRows, type RowStore, type StoredRow, type UnreadableRow } from './rowStore';

const FLUSH_BYTES = 1 << 18;
const CACHED_BLOCKS = 64;

/** The row store of workbooks and Parquet files, which cannot be read from the middle: the rows as JSON Lines in a temporary file. */
export class SpooledRowStore implements RowStore {
  rows = 0;
  badRows = 0;
  readonly firstBadRows: UnreadableRow[] = [];
  fraction = 0;
  isComplete = false;

  private readonly blocks = new BlockTable();
  private readonly cache = new Map<number, readonly StoredRow[]>();
  private spool: FileHandle | undefined;
  private folder: string | undefined;
  private spooledBytes = 0;
  private closed = false;

  constructor(private readonly file: DataFile) {}

  get indexBytes(): number {
    return this.blocks.bytes;
  }

  async build(onProgress: () => void, signal?: AbortSignal): Promise<void> {
    try {
      await this.openSpool();
      await this.fill(onProgress, signal);
    } catch (error) {
      // What was read so far stays readable.
      this.isComplete = true;
      throw asMedTextError(error);
    }
  }

  async read(start: number, count: number, signal?: AbortSignal): Promise<StoredRow[]> {
    const found: StoredRow[] = [];
    const end = Math.min(start + count, this.rows);
    for (let row = start; row < end;) {
      throwIfAborted(signal);
      const at = this.blocks.find(row);
      const rows = await this.readBlock(at);
      const first = this.blocks.block(at).row;
      const part = rows.slice(row - first, end - first);
      if (part.length === 0) break;
      found.push(...part);
      row += part.length;
    }
    return found;
  }

  async *scan(signal?: AbortSignal): AsyncGenerator<StoredRow[]> {
    for (let row = 0; row < this.rows;) {
      const rows = await this.read(row, 1024, signal);
      if (rows.length === 0) return;
      yield rows;
      row += rows.length;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cache.clear();
    const { spool } = this;
    this.spool = undefined;
    await spool?.close().catch(() => undefined);
    if (this.folder) await rm(this.folder, { recursive: true, force: true }).catch(() => undefined);
  }

  private async openSpool(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'medtext-preview-'));
    const path = join(this.folder, `${randomBytes(6).toString('hex')}.jsonl`);
    this.spool = await open(path, 'wx+', 0o600);
    // Nothing is left behind by a process that is killed, where the system allows it.
    if (process.platform !== 'win32') await rm(this.folder, { recursive: true, force: true });
    if (this.closed) await this.close();
  }

  private async fill(onProgress: () => void, signal?: AbortSignal): Promise<void> {
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    let pendingRows: { readonly bad: UnreadableRow | undefined }[] = [];
    let blockRows = BlockTable.maxRows;
    let blockStart = 0;
    let position = 0;
    let row = 0;
    let lastReport = 0;
    const flush = async (): Promise<void> => {
      if (!this.spool) throw new MedTextError('CANCELLED', 'The preview was closed.');
      const bytes = Buffer.concat(pending);
      for (let at = 0; at < bytes.length;) {
        at += (await this.spool.write(bytes, at, bytes.length - at, this.spooledBytes + at)).bytesWritten;
      }
      this.spooledBytes += bytes.length;
      for (const { bad } of pendingRows) {
        this.rows++;
        if (bad && this.firstBadRows.length < maxKeptBadRows) this.firstBadRows.push(bad);
        if (bad) this.badRows++;
      }
      this.cache.delete(this.blocks.count - 1);
      pending = [];
      pendingRows = [];
      pendingBytes = 0;
      if (lastReport !== 0 && performance.now() - lastReport < 100) return;
      lastReport = performance.now();
      onProgress();
    };
    try {
      for await (const read of this.file.rows(signal)) {
        if (blockRows >= BlockTable.maxRows || position - blockStart >= BlockTable.maxLength) {
          this.blocks.add(row, position, read.line, 0, 0);
          blockRows = 0;
          blockStart = position;
        }
        const line = Buffer.from(`${JSON.stringify(read)}\n`);
        pending.push(line);
        pendingBytes += line.length;
        pendingRows.push({ bad: isBadRow(read) ? { row, ...read } : undefined });
        position += line.length;
        blockRows++;
        row++;
        if (pendingBytes >= FLUSH_BYTES || (this.rows === 0 && row === BlockTable.maxRows)) {
          await flush();
          throwIfAborted(signal);
        }
      }
    } finally {
      if (this.spool) await flush();
    }
    this.fraction = 1;
    this.isComplete = true;
    onProgress();
  }

  private async readBlock(at: number): Promise<readonly StoredRow[]> {
    const cached = this.cache.get(at);
    if (cached) return cached;
    if (!this.spool) throw new MedTextError('CANCELLED', 'The preview was closed.');
    const block = this.blocks.block(at);
    const isLast = at + 1 === this.blocks.count;
    const next = isLast ? undefined : this.blocks.block(at + 1);
    const end = Math.min(next?.position ?? this.spooledBytes, this.spooledBytes);
    const bytes = Buffer.alloc(end - block.position);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await this.spool.read(bytes, done, bytes.length - done, block.position + done);
      if (bytesRead === 0) throw new MedTextError('IO', words`The temporary file of the preview was cut short.`);
      done += bytesRead;
    }
    const lines = bytes.toString('utf8').split('\n').slice(0, -1);
    const rows = lines.map((line, i): StoredRow => {
      const read = JSON.parse(line) as DataRow | BadRow;
      const row = block.row + i;
      return isBadRow(read) ? { row, ...read, reason: wordsFrom(read.reason)! } : { row, ...read };
    });
    if (next && next.position <= this.spooledBytes) this.keep(at, rows);
    return rows;
  }

  private keep(at: number, rows: readonly StoredRow[]): void {
    this.cache.set(at, rows);
    if (this.cache.size > CACHED_BLOCKS) this.cache.delete(this.cache.keys().next().value!);
  }
}
