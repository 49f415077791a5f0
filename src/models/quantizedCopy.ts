/**
 * Quantised models of this person's, kept by content so that each is made once: derived, so they may be deleted at any
 * time. Beside each model, what quantisation changed of its answers.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError } from '../base/errors';
import { readTextFile } from '../base/textFile';
import { userCacheFolder } from '../base/userFolders';
import { modelContent } from './modelContent';
import type { ModelFolder } from './modelFolder';

/** Must be raised when src/onnx/quantize.ts computes something else. */
const QUANTIZER = 1;
/** Graphs kept; of BERT-base each has 105 MB. */
const MAX_GRAPHS = 6;
/** The age from which an unfinished file is a leftover. */
const LEFT_MS = 3_600_000;

const folderOf = (): string => join(userCacheFolder(), 'quantized');

/** Names what a folder computes, however it is called. @throws MedTextError CANCELLED, IO. */
export async function quantizedKey(folder: ModelFolder, signal?: AbortSignal): Promise<string> {
  const { contentHash } = await modelContent(folder, { signal });
  return createHash('sha256').update(`${QUANTIZER} ${contentHash}`).digest('hex').slice(0, 32);
}

/** The kept file of a quantised model, named by the model's content and by the graph, given without weights. */
export class QuantizedCopy {
  private readonly path: string;

  constructor(key: string, graph: Uint8Array) {
    const which = createHash('sha256').update(graph).digest('hex').slice(0, 16);
    this.path = join(folderOf(), `${key}-${which}.onnx`);
  }

  /** The copy's file, if it was kept. */
  async find(): Promise<string | undefined> {
    try {
      await stat(this.path);
      // The ones that are used stay.
      await utimes(this.path, new Date(), new Date());
      return this.path;
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps the model.
   * @param model its chunks, each of which is written before the next is asked for
   * @returns the copy's file; undefined where the disk refuses it
   * @throws MedTextError what the chunks throw, except IO and DISK_FULL.
   */
  async keep(model: AsyncIterable<Uint8Array>): Promise<string | undefined> {
    try {
      await mkdir(folderOf(), { recursive: true, mode: 0o700 });
      await writeFileAtomically(this.path, model);
    } catch (error) {
      const refusal = asMedTextError(error);
      if (refusal.code === 'IO' || refusal.code === 'DISK_FULL') return undefined;
      throw refusal;
    }
    await forgetOldest().catch(() => undefined);
    return this.path;
  }

  async forget(): Promise<void> {
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}

/** The kept facts of a quantised model; undefined where none were kept. */
export async function readQuantizedNote(key: string): Promise<unknown> {
  try {
    return JSON.parse(await readTextFile(join(folderOf(), `${key}.json`)));
  } catch {
    return undefined;
  }
}

/** @throws MedTextError IO, DISK_FULL. */
export async function writeQuantizedNote(key: string, note: object): Promise<void> {
  await writeFileAtomically(join(folderOf(), `${key}.json`), `${JSON.stringify(note)}\n`);
}

async function forgetOldest(): Promise<void> {
  const all = await readdir(folderOf());
  // What a killed process was writing; nobody takes an hour for one graph.
  for (const name of all.filter((each) => /^\..+\.[0-9a-f]{12}\.tmp$/.test(each))) {
    const path = join(folderOf(), name);
    if (Date.now() - (await stat(path)).mtimeMs > LEFT_MS) await rm(path, { force: true });
  }
  const names = all.filter((name) => name.endsWith('.onnx'));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(folderOf(), name))).mtimeMs })),
  );
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(MAX_GRAPHS)) await rm(join(folderOf(), name), { force: true });
}
