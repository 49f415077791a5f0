/** Reads a file at positions, never as a whole. Its errors are coded and name the file. */
import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { READ } from '../../base/textFile';

/** Linux transfers at most 2 GiB - 4096 bytes a call. */
const MAX_READ_BYTES = 2 ** 28;

export class RandomAccessFile {
  private constructor(
    private readonly handle: FileHandle,
    readonly path: string,
    readonly size: number,
  ) {}

  /** @throws MedTextError NOT_FOUND or IO. */
  static async open(path: string): Promise<RandomAccessFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, READ);
      const status = await handle.stat();
      if (!status.isFile()) throw new MedTextError('IO', words`${path} is not a file.`, { file: path });
      return new RandomAccessFile(handle, path, status.size);
    } catch (error) {
      await handle?.close();
      throw asMedTextError(error);
    }
  }

  /**
   * Fills `into` from the bytes at `position`.
   * @throws MedTextError CHECKPOINT_FORMAT when the file ends before, IO when the system refuses.
   */
  async read(into: Uint8Array, position: number): Promise<void> {
    this.assertInside(position, into.byteLength);
    try {
      for (let done = 0; done < into.byteLength;) {
        const length = Math.min(MAX_READ_BYTES, into.byteLength - done);
        const { bytesRead } = await this.handle.read(into, done, length, position + done);
        if (bytesRead === 0) throw this.cutShort(position + done);
        done += bytesRead;
      }
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  /** {@link read} without waiting, for small pieces that a parser needs at once. */
  readSync(into: Uint8Array, position: number): void {
    this.assertInside(position, into.byteLength);
    try {
      for (let done = 0; done < into.byteLength;) {
        const bytesRead = readSync(this.handle.fd, into, done, into.byteLength - done, position + done);
        if (bytesRead === 0) throw this.cutShort(position + done);
        done += bytesRead;
      }
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private assertInside(position: number, length: number): void {
    const inside = Number.isSafeInteger(position) && position >= 0 && position + length <= this.size;
    if (!inside) throw this.cutShort(position + length);
  }

  private cutShort(needed: number): MedTextError {
    return new MedTextError(
      'CHECKPOINT_FORMAT',
      words`${this.path} is cut short or broken: it has ${this.size} bytes, but byte ${needed} is needed. Copy or download it again.`,
      { file: this.path, sizeBytes: this.size },
    );
  }
}
