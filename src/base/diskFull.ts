/** Says where the disk is full, and how much space is needed. */
import { statfs } from 'node:fs/promises';
import { MedTextError, words } from './errors';
import { sizeText } from './sizeText';
import { joined } from './words';

/** The free bytes for this user; undefined where the file system does not say. */
async function freeBytes(folder: string): Promise<number | undefined> {
  const space = await statfs(folder).catch(() => undefined);
  return space && space.bavail * space.bsize;
}

/** A file or folder that is to be written into `folder`, and its bytes. */
export interface Written {
  readonly path: string;
  readonly folder: string;
  readonly neededBytes?: number;
}

/** The error itself; where the disk is full, with the place and the bytes that are needed. */
export async function withPlace(error: MedTextError, written: Written): Promise<MedTextError> {
  if (error.code !== 'DISK_FULL' || error.detail.file !== undefined) return error;
  return diskFull(written, await freeBytes(written.folder), error);
}

/** Checks the space before writing begins. @throws MedTextError DISK_FULL. */
export async function refuseFullDisk(written: Written & { readonly neededBytes: number }): Promise<void> {
  const free = await freeBytes(written.folder);
  if (free !== undefined && free < written.neededBytes) throw diskFull(written, free);
}

function diskFull({ path, neededBytes }: Written, free: number | undefined, cause?: MedTextError): MedTextError {
  const sentences = [
    words`The disk is full: ${path} could not be written.`,
    ...(neededBytes === undefined ? [] : [words`It takes ${sizeText(neededBytes)}.`]),
    ...(free === undefined ? [] : [words`${sizeText(free)} are free there.`]),
  ];
  const detail = { file: path, neededBytes, freeBytes: free };
  return new MedTextError('DISK_FULL', joined(sentences, ' '), detail, { cause });
}
