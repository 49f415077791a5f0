import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { asMedTextError } from '../base/errors';
import { MessageWriter } from '../onnx/wire';

/**
 * Writes event files for TensorBoard: TFRecords of `tensorflow.Event` messages. Every session of a run starts its own file,
 * so no file is rewritten. A resumed session records its first step, and TensorBoard discards the points that an interrupted
 * session wrote from that step on.
 */
export class TensorBoardWriter {
  private constructor(
    readonly file: string,
    private readonly descriptor: number,
    private readonly wallTime: () => number,
  ) {}

  /**
   * Starts a new event file in the folder, which it makes if needed.
   * @param options.step the step that the session continues from, 0 at the start of a run
   * @param options.wallTime seconds since 1970, for tests
   * @throws IO or DISK_FULL
   */
  static open(folder: string, options: { step?: number; wallTime?: () => number } = {}): TensorBoardWriter {
    const { step = 0, wallTime = () => Date.now() / 1000 } = options;
    try {
      mkdirSync(folder, { recursive: true });
      const { file, descriptor } = createEventFile(folder, Math.floor(wallTime()));
      const writer = new TensorBoardWriter(file, descriptor, wallTime);
      writer.append(encodeEvent({ wallTime: wallTime(), fileVersion: 'brain.Event:2' }));
      if (step > 0) writer.append(encodeEvent({ wallTime: wallTime(), step: step + 1, sessionStart: true }));
      return writer;
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  /** Adds one point to each named curve. NaN and infinities are written unchanged. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.append(encodeEvent({ wallTime: this.wallTime(), step, scalars: values }));
  }

  close(): void {
    fsyncSync(this.descriptor);
    closeSync(this.descriptor);
  }

  private append(event: Uint8Array): void {
    // Each record is one write. A killed session leaves at most one incomplete record, which readers skip.
    const record = frameRecord(event);
    try {
      for (let written = 0; written < record.length;) written += writeSync(this.descriptor, record, written);
    } catch (error) {
      throw asMedTextError(error);
    }
  }
}

/** Makes an event file. Its name has seconds and a counter, because TensorBoard reads files in the order of their names. */
function createEventFile(folder: string, seconds: number): { file: string; descriptor: number } {
  for (let session = 0; ; session++) {
    const name = `events.out.tfevents.${String(seconds).padStart(10, '0')}.medtext.${String(session).padStart(3, '0')}`;
    const file = join(folder, name);
    try {
      return { file, descriptor: openSync(file, 'wx') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || session > 10_000) throw error;
    }
  }
}

export interface TensorBoardEvent {
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly scalars?: Readonly<Record<string, number>>;
  /** Marks the start of a session. Points of earlier sessions at this step or later are void. */
  readonly sessionStart?: boolean;
}

/** A `tensorflow.Event` message (tensorflow/core/util/event.proto, framework/summary.proto). */
export function encodeEvent({ wallTime, step, fileVersion, scalars, sessionStart }: TensorBoardEvent): Uint8Array {
  const event = new MessageWriter().double(1, wallTime);
  if (step !== undefined) event.integer(2, step);
  if (fileVersion !== undefined) event.string(3, fileVersion);
  if (scalars !== undefined) {
    event.message(5, (summary) => {
      for (const [tag, value] of Object.entries(scalars)) {
        // The writer refuses finite numbers beyond float32. Rounding makes them infinite, as on any float32 curve.
        summary.message(1, (point) => point.string(1, tag).float(2, Math.fround(value)));
      }
    });
  }
  if (sessionStart) event.message(7, (session) => session.integer(1, sessionLogStart));
  return event.finish();
}

/** The value of `SessionLog.START`. */
const sessionLogStart = 1;

/** A TFRecord, little-endian: length (uint64), masked checksum of the length, data, masked checksum of the data. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

/** The checksum rotated and offset as TFRecord requires, so that checksums of data that hold checksums stay good. */
function maskedCrc32c(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78; RFC 3720, appendix B.4. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
