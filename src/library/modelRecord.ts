/** The record beside a model of the library: what the model is, where it came from, and the hashes of its files. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import { openStored } from '../models/openWeights';
import { openModelFolder, type ModelFolder } from '../models/modelFolder';
import { MODEL_RECORD, modelContent, type ContentFile } from '../models/modelContent';
import { elementCount } from '../onnx/dataType';
import type { ModelOrigin } from './modelSource';

/** The facts of a model, which the Models view shows, too. */
export interface ModelFacts {
  readonly contentHash: string;
  /** config.json's model type: `bert`, `structbert`, `roberta`, … */
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly parameterCount: number;
  /** The bytes of all files in the folder. */
  readonly sizeBytes: number;
  /** The licence that the card names, such as `apache-2.0`; null where it names none. */
  readonly license: string | null;
  readonly source: string | null;
  readonly revision: string | null;
  readonly commit: string | null;
  /** The time of the import, ISO 8601. */
  readonly importedAt: string | null;
  readonly labels: readonly string[];
  /** Whether the model can fill in a masked word. */
  readonly hasMaskedLm: boolean;
}

export interface ModelRecord extends ModelFacts {
  readonly format: 1;
  readonly files: readonly ContentFile[];
  /** Further sources from which the same model was brought later. */
  readonly alsoFrom?: readonly Pick<ModelFacts, 'source' | 'revision' | 'commit'>[];
}

/** Computes the record and writes it into the model's folder. @throws MedTextError as reading the model does. */
export async function writeModelRecord(
  path: string,
  origin: ModelOrigin,
  options: { readonly now?: Date; readonly signal?: AbortSignal } = {},
): Promise<ModelRecord> {
  const folder = await openModelFolder(path);
  const { contentHash, files } = await modelContent(folder, { signal: options.signal });
  const record: ModelRecord = {
    format: 1,
    ...(await factsOf(folder, contentHash)),
    source: origin.reference,
    revision: origin.revision ?? null,
    commit: origin.commit ?? null,
    importedAt: (options.now ?? new Date()).toISOString(),
    files,
  };
  await writeFileAtomically(join(folder.path, MODEL_RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
  return record;
}

/** Adds `origin` to the record as a further source of the same model. @throws MedTextError IO, DISK_FULL. */
export async function addModelOrigin(folder: string, origin: ModelOrigin): Promise<void> {
  const record = await readModelRecord(folder);
  if (!record) return;
  const added = { source: origin.reference, revision: origin.revision ?? null, commit: origin.commit ?? null };
  const isSame = (one: typeof added | ModelRecord): boolean =>
    one.source === added.source && one.revision === added.revision;
  const alsoFrom = [...(record.alsoFrom ?? []).filter((one) => !isSame(one as typeof added)), added];
  if (isSame(record)) return;
  await writeFileAtomically(join(folder, MODEL_RECORD), `${JSON.stringify({ ...record, alsoFrom }, undefined, 2)}\n`);
}

/** The record; undefined where there is none (a model that was not imported here). */
export async function readModelRecord(folder: string): Promise<ModelRecord | undefined> {
  try {
    const record = JSON.parse(await readTextFile(join(folder, MODEL_RECORD))) as Partial<ModelRecord>;
    const isRecord = record.format === 1 && typeof record.contentHash === 'string' && Array.isArray(record.files);
    return isRecord ? (record as ModelRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** The facts of any model folder, from its record where it has one. @throws MedTextError as reading the model does. */
export async function modelFacts(path: string, signal?: AbortSignal): Promise<ModelFacts> {
  const folder = await openModelFolder(path);
  const { contentHash } = await modelContent(folder, { signal });
  const record = await readModelRecord(folder.path);
  const facts = await factsOf(folder, contentHash);
  if (!record) return facts;
  const { source, revision, commit, importedAt } = record;
  return { ...facts, source, revision, commit, importedAt };
}

async function factsOf(folder: ModelFolder, contentHash: string): Promise<ModelFacts> {
  const { config } = folder;
  let parameterCount = 0;
  let hasMaskedLm = false;
  if (folder.weightsPath !== undefined) {
    const checkpoint = await openStored(folder.weightsPath);
    try {
      for (const [name, { shape, dataType }] of checkpoint.tensors) {
        // Integer buffers (position_ids) are no parameters; bytes are quantised ones.
        if (/^(b?float\d+|u?int8)$/.test(dataType)) parameterCount += elementCount(shape);
        hasMaskedLm ||= /(^|\.)(cls\.predictions\.transform|lm_head|generator_predictions)\.dense\.weight$/.test(name);
      }
    } finally {
      await checkpoint.close();
    }
  }
  return {
    contentHash,
    modelType: sourceModelType(folder),
    layers: config.layerCount,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    parameterCount,
    sizeBytes: await folderSize(folder.path),
    license: await licenseOf(folder),
    source: null,
    revision: null,
    commit: null,
    importedAt: null,
    labels: folder.labels ?? [],
    hasMaskedLm,
  };
}

/** Import writes `bert` for types that transformers knows as BERT, and keeps the original type beside it. */
function sourceModelType({ config, rawConfig }: ModelFolder): string {
  const kept = (rawConfig.medtext as { source_model_type?: unknown } | undefined)?.source_model_type;
  return typeof kept === 'string' ? kept : config.modelType;
}

const MAX_CARD_BYTES = 1 << 20;

/** The licence in the card's front matter, or in the first line of a LICENSE file that names one. */
async function licenseOf({ cardFiles }: ModelFolder): Promise<string | null> {
  const read = async (pattern: RegExp): Promise<string> => {
    const file = cardFiles.find((path) => pattern.test(path.split(/[\\/]/).at(-1)!));
    if (!file || (await stat(file).catch(() => ({ size: Infinity }))).size > MAX_CARD_BYTES) return '';
    return readTextFile(file).catch(() => '');
  };
  const frontMatter = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---/.exec(await read(/^readme/i))?.[1] ?? '';
  // YAML has a list (- apache-2.0) or a value; ModelScope writes "license: Apache License 2.0".
  const named = /^license(?:_name)?:[ \t]*(?:\r?\n[ \t]*-[ \t]*)?["']?([^\r\n"'#]{1,80})/im
    .exec(frontMatter)?.[1]
    .trim();
  if (named && !/^(null|other|unknown)$/i.test(named)) return named;
  const text = await read(/^licen[cs]e/i);
  const known = /(Apache License[,\s]+Version 2\.0|MIT License|BSD [23]-Clause|CC BY[-\w .]*\d)/i.exec(text)?.[1];
  return known ? known.replace(/\s+/g, ' ') : (named ?? null);
}

async function folderSize(folder: string): Promise<number> {
  let sizeBytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    // Without the record: the size that it states would be wrong once it is written.
    if (entry.isFile() && entry.name !== MODEL_RECORD) sizeBytes += (await stat(join(folder, entry.name))).size;
  }
  return sizeBytes;
}
