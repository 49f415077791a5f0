import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { asMedTextError, MedTextError } from '../base/errors';
import { filesOfData } from './entities/bratFile';
import { dataFileSize } from './textEncoding';

/** Identifies a data file's content, for a run's record. */
export interface Fingerprint {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Of brat's documents: of all their files, one after another.
 *
 * Errors: `NOT_FOUND`, `IO`, `DATA_FORMAT` for an empty file, `CANCELLED`.
 */
export async function fingerprintFile(file: string, signal?: AbortSignal): Promise<Fingerprint> {
  const files = await filesOfData(file);
  if (files.length === 1) await dataFileSize(file);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for (const part of files) {
      for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20, signal })) {
        hash.update(chunk as Buffer);
        sizeBytes += (chunk as Buffer).length;
      }
    }
  } catch (error) {
    if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${file} was cancelled.`, { file });
    throw asMedTextError(error);
  }
  return { file, sha256: hash.digest('hex'), sizeBytes };
}
