/**
 * Models and data sets that a recipe names by an address: finds them on this machine, or plans and makes their download.
 * Downloads go to the person's own folders (src/base/userFolders.ts), which terminal and editor share.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { dataLibraryFolder, modelLibraryFolder } from '../base/userFolders';
import { downloadFolder, type DownloadedFile, type DownloadPlan, type HubClient } from '../hub/download';
import { formatHubReference, isSameRepository, parseHubReference, repositoryName, type HubReference, type RepositoryKind } from '../hub/hubReference'; // prettier-ignore
import type { HubSettings } from '../hub/hubSettings';
import { HUBS } from '../hub/hubs';
import { findCached, tablesIn } from '../hub/localCaches';
import { parseSplitMap } from '../hub/splitMap';
import type { TransferProgress } from '../hub/transferMeter';
import { addressesIn, withPaths, type AddressField, type RecipeAddress } from '../protocol/recipeAddress';
import type { PartialRecipe } from '../protocol/recipe';
import { importOnce } from './importOnce';
import { addModelOrigin, readModelRecord, type ModelRecord } from './modelRecord';
import { findSource, type FoundSource } from './modelSource';
import { fileOfSplit, type SplitChoice } from './splitFile';
import { readyStarter, STARTER_NAME } from './starter';

export interface LibraryPlaces {
  readonly settings: Pick<HubSettings, 'endpoints'>;
  readonly env: NodeJS.ProcessEnv;
  /** The home folder in which the caches of the hubs' clients lie. */
  readonly home?: string;
}

/** A source that a recipe names and this machine lacks. A repository stands once, however many fields name it. */
export interface MissingSource {
  readonly kind: RepositoryKind;
  /** The reference with its kind; the field's text is a reference to a model where the kind is model. */
  readonly reference: HubReference & { readonly kind: RepositoryKind };
  readonly fields: readonly AddressField[];
}

export interface SourcePlan extends MissingSource {
  readonly download: DownloadPlan;
  /** The source of a model; undefined for a data set. */
  readonly found: FoundSource | undefined;
}

/** The record in a data set's folder: its source, and which of its files were brought. */
interface DatasetRecord {
  readonly format: 1;
  readonly source: string;
  readonly revision: string;
  readonly commit: string | null;
  readonly tables: readonly string[];
  readonly splits: Readonly<Record<string, string>>;
  readonly files: readonly DownloadedFile[];
}

const DATASET_RECORD = 'medtext-dataset.json';

/**
 * The recipe with a path for each address whose model or file is on this machine, and the sources that are missing. Asks no hub.
 * @throws MedTextError RECIPE for an address that names nothing, NOT_FOUND for a model that the library does not have or
 * a split that a data set does not have, UNSUPPORTED for a split in several files.
 */
export async function findSources<T extends PartialRecipe>(
  recipe: T,
  places: LibraryPlaces,
): Promise<{ readonly recipe: T; readonly missing: readonly MissingSource[] }> {
  const paths = new Map<string, string>();
  const missing = new Map<string, MissingSource & { fields: AddressField[] }>();
  for (const field of addressesIn(recipe)) {
    const { address, text } = field;
    if (address.kind === 'library') {
      if (field.field !== 'model') throw wrongPlace(field, words`the library keeps models, no data`);
      paths.set(text, await modelOfLibrary(address, text, places));
      continue;
    }
    const reference = referenceOf(field, address, places);
    const path = reference.kind === 'model' ? await modelHere(reference, places) : await fileHere(reference, address.split, places); // prettier-ignore
    if (path !== undefined) {
      paths.set(text, path);
      continue;
    }
    const key = `${reference.kind} ${formatHubReference(reference)}`;
    const known = missing.get(key);
    if (known) known.fields.push(field);
    else missing.set(key, { kind: reference.kind, reference, fields: [field] });
  }
  return { recipe: withPaths(recipe, paths), missing: [...missing.values()] };
}

/** @throws MedTextError OFFLINE, naming all that is missing. */
export function refuseMissing(missing: readonly MissingSource[]): void {
  if (missing.length === 0) return;
  const names = missing.map(({ reference }) => formatHubReference(reference));
  throw new MedTextError(
    'OFFLINE',
    words`Not on this machine, and nothing is downloaded without consent: ${names.join(', ')}. Start the recipe in a terminal or in the editor, which ask for consent, or add --yes.`,
    { missing: names },
  );
}

/**
 * The sizes of the missing sources. Asks the hubs for their lists, and downloads only a data set's table of splits.
 * @throws MedTextError NOT_FOUND, ACCESS, OFFLINE, NETWORK, UNSAFE_NAME, UNSUPPORTED or CANCELLED.
 */
export async function planSources(
  missing: readonly MissingSource[],
  options: LibraryPlaces & {
    readonly client: HubClient;
    readonly settings: HubSettings;
    readonly signal?: AbortSignal;
  },
): Promise<SourcePlan[]> {
  const { client, env, home, settings, signal } = options;
  const plans: SourcePlan[] = [];
  for (const source of missing) {
    const { reference, fields } = source;
    if (reference.kind === 'model') {
      const downloads = join(modelLibraryFolder(env), '.downloads');
      const found = await findSource(formatHubReference(reference), { client, settings, env, home, downloads, kind: 'model', signal }); // prettier-ignore
      if (found.kind === 'remote') plans.push({ ...source, found, download: found.plan });
      continue;
    }
    const where = formatHubReference(reference);
    const only = (choice: SplitChoice): string[] => fields.map(({ address }) => fileOfSplit(choice, splitOf(address), where)); // prettier-ignore
    plans.push({ ...source, found: undefined, download: await client.plan(reference, datasetFolder(reference, env), { only, signal }) }); // prettier-ignore
  }
  return plans;
}

/**
 * Downloads what was planned: models into the library, files of data sets beside those that are there.
 * @param known folders of models outside of the library; one that holds the same model is used
 * @throws MedTextError what downloads and imports throw. Finished parts of an interrupted download stay.
 */
export async function bringSources(
  plans: readonly SourcePlan[],
  options: {
    readonly client: HubClient;
    readonly env: NodeJS.ProcessEnv;
    readonly known?: readonly string[];
    readonly onDownload?: (progress: TransferProgress) => void;
    readonly onImport?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const { client, env, known = [], onDownload, onImport, signal } = options;
  for (const { found, download } of plans) {
    if (found) {
      const kept = await importOnce(found, modelLibraryFolder(env), known, { client, onDownload, onImport, signal });
      // The same model may have come from elsewhere before: its record gets this name, too.
      if (!kept.isNew) await addModelOrigin(kept.folder, found.origin);
      continue;
    }
    const files = await client.download(download, { onProgress: onDownload, signal });
    await noteDataset(download, files);
  }
}

/** The question before a download. */
export function totalOf(plans: readonly SourcePlan[]): {
  readonly files: number;
  readonly bytes: number;
  readonly keptBytes: number;
} {
  const sum = (value: (plan: DownloadPlan) => number): number =>
    plans.reduce((total, { download }) => total + value(download), 0);
  return {
    files: sum(({ files }) => files.length),
    bytes: sum(({ totalBytes }) => totalBytes),
    keptBytes: sum(({ keptBytes }) => keptBytes),
  };
}

function referenceOf(
  field: AddressField,
  { reference: text }: RecipeAddress & { readonly kind: 'hub' },
  { settings }: LibraryPlaces,
): HubReference & { readonly kind: RepositoryKind } {
  const kind = field.field === 'model' ? 'model' : 'dataset';
  const reference = parseHubReference(text, settings.endpoints)!;
  if (reference.kind !== undefined && reference.kind !== kind) {
    throw wrongPlace(field, kind === 'model' ? words`it names a data set` : words`it names a model`);
  }
  if (kind === 'model' && splitOf(field.address) !== undefined) throw wrongPlace(field, words`a model has no splits`);
  return { ...reference, kind };
}

function wrongPlace({ field, text }: AddressField, why: unknown): MedTextError {
  return new MedTextError('RECIPE', words`${field} cannot be ${text}: ${why}.`, { field, address: text });
}

function splitOf(address: RecipeAddress): string | undefined {
  return address.kind === 'hub' ? address.split : undefined;
}

// Models

async function modelOfLibrary(
  { name, hash }: RecipeAddress & { readonly kind: 'library' },
  text: string,
  { env }: LibraryPlaces,
): Promise<string> {
  // The starter encoder belongs to everybody's library; it is unpacked when it is first named.
  if (name === STARTER_NAME) await readyStarter(modelLibraryFolder(env)).catch(notPartOfThis);
  const kept = await keptModels(env);
  const named = kept.filter(({ folder }) => basename(folder) === name);
  // The name is for people: where there is a hash, the hash decides.
  const fits =
    hash === undefined ? named : kept.filter(({ record }) => record.contentHash.startsWith(`sha256:${hash}`));
  const best = fits.find((one) => named.includes(one)) ?? fits[0];
  if (best) return best.folder;
  const there = kept.map(({ folder, record }) => `${basename(folder)}@${record.contentHash.slice(7, 19)}`);
  const what = there.length > 0 ? words`It has ${there.slice(0, 12).join(', ')}.` : words`It is empty.`;
  throw new MedTextError(
    'NOT_FOUND',
    words`${text} is not in the model library (${modelLibraryFolder(env)}). ${what} Import the model, or name it by its hub.`,
    { address: text, there },
  );
}

/** For an installation without the starter's package; the library may hold it even so. */
function notPartOfThis(error: unknown): void {
  if (!(error instanceof MedTextError) || error.code !== 'NOT_FOUND') throw error;
}

/** The model's folder in the library, or else in a cache of the hub's own client. */
async function modelHere(reference: HubReference, { env, home }: LibraryPlaces): Promise<string | undefined> {
  const fits = (await keptModels(env)).filter(({ record }) => isOf(record, reference));
  fits.sort((a, b) => (b.record.importedAt ?? '').localeCompare(a.record.importedAt ?? ''));
  if (fits.length > 0) return fits[0].folder;
  return (await findCached({ ...reference, kind: 'model' }, { env, home }))?.folder;
}

function isOf(record: ModelRecord, wanted: HubReference): boolean {
  return [record, ...(record.alsoFrom ?? [])].some(({ source, revision, commit }) => {
    const from = source === null ? undefined : hubReferenceIn(source);
    if (!from || from.hub !== wanted.hub || from.site !== wanted.site) return false;
    if (!isSameRepository(from.repository, wanted.repository, from.hub)) return false;
    const asked = wanted.revision;
    const usual = HUBS[from.hub].defaultRevision;
    if (asked === undefined) return revision === null || revision === usual;
    return asked === (revision ?? usual) || (commit !== null && asked === commit);
  });
}

/** The source in a record may be a folder's name. */
function hubReferenceIn(source: string): HubReference | undefined {
  try {
    return parseHubReference(source);
  } catch {
    return undefined;
  }
}

async function keptModels(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly folder: string; readonly record: ModelRecord }[]> {
  const models = modelLibraryFolder(env);
  const entries = await readdir(models, { withFileTypes: true }).catch(() => []);
  const kept: { readonly folder: string; readonly record: ModelRecord }[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const folder = join(models, entry.name);
    const record = await readModelRecord(folder);
    if (record) kept.push({ folder, record });
  }
  return kept;
}

// Data sets

function datasetFolder(reference: HubReference & { readonly kind: RepositoryKind }, env: NodeJS.ProcessEnv): string {
  const site = reference.site === undefined ? [] : [reference.site];
  return downloadFolder(join(dataLibraryFolder(env), ...site), reference, reference.revision ?? 'default');
}

/** The split's file in the person's data sets, or else in a cache of the hub's own client. */
async function fileHere(
  reference: HubReference & { readonly kind: RepositoryKind },
  split: string | undefined,
  { env, home }: LibraryPlaces,
): Promise<string | undefined> {
  const where = formatHubReference(reference);
  const folder = datasetFolder(reference, env);
  const record = await readDatasetRecord(folder);
  if (record) {
    const path = fileOfSplit(record, split, where);
    const file = record.files.find((one) => one.path === path);
    const place = join(folder, ...path.split('/'));
    if (file && (await stat(place).catch(() => undefined))?.size === file.sizeBytes) return place;
    return undefined;
  }
  const cached = await findCached(reference, { env, home });
  if (!cached) return undefined;
  const tables = await tablesIn(cached.folder);
  const map = `${repositoryName(reference)}.json`;
  const text = tables.includes(map) ? await readFile(join(cached.folder, map), 'utf8').catch(() => '') : '';
  const splits = parseSplitMap(text, new Set(tables));
  const choice = { tables: splits ? tables.filter((path) => path !== map) : tables, splits: splits ?? {} };
  try {
    return join(cached.folder, ...fileOfSplit(choice, split, where).split('/'));
  } catch (error) {
    // The cache may hold only some of the files; the hub has all.
    if (error instanceof MedTextError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

async function noteDataset(
  { folder, reference, commit, tables, splits }: DownloadPlan,
  files: readonly DownloadedFile[],
): Promise<void> {
  const before = await readDatasetRecord(folder);
  const brought = new Set(files.map(({ path }) => path));
  const record: DatasetRecord = {
    format: 1,
    source: formatHubReference({ ...reference, revision: undefined }),
    revision: reference.revision,
    commit: commit ?? null,
    tables,
    splits,
    files: [...(before?.files.filter(({ path }) => !brought.has(path)) ?? []), ...files],
  };
  await writeFileAtomically(join(folder, DATASET_RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
}

async function readDatasetRecord(folder: string): Promise<DatasetRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, DATASET_RECORD), 'utf8')) as Partial<DatasetRecord>;
    const isRecord = record.format === 1 && Array.isArray(record.tables) && Array.isArray(record.files) && typeof record.splits === 'object'; // prettier-ignore
    return isRecord ? (record as DatasetRecord) : undefined;
  } catch {
    return undefined;
  }
}
