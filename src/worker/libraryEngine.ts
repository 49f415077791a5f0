import { openStored } from '../models/openWeights';
import { openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { loadReportLines } from '../models/parameterNames';
import { asMedTextError, MedTextError, words, plainError } from '../base/errors';
import { bundledRuntimeVersion } from '../base/gpuRuntime';
import type { Log } from '../base/log';
import { readTextFile } from '../base/textFile';
import { readTerms } from '../data/corpus/wordBoundaries';
import { installGpuRuntime, type TryCard } from '../gpuRuntime/install';
import { gpuRuntimeStatus, removeGpuRuntime } from '../gpuRuntime/installed';
import type { GpuRuntimeOptions } from '../gpuRuntime/options';
import { planGpuRuntime } from '../gpuRuntime/plan';
import { byHub, type HubName } from '../base/hubNames';
import { HubClient } from '../hub/download';
import { formatHubReference } from '../hub/hubReference';
import { hubSettings } from '../hub/hubSettings';
import { cachedRepositories } from '../hub/localCaches';
import type { TransferProgress } from '../hub/transferMeter';
import { MaskFiller } from '../inference/maskFiller';
import { runtimeLibraryPath } from '../inference/session';
import { extendInLibrary, openExtendable } from '../library/extendModel';
import { fetchDataset } from '../library/importDataset';
import { hubLogins, loginToken, type HubLogin } from '../library/hubLogin';
import { importOnce, sourceName } from '../library/importOnce';
import { modelFacts } from '../library/modelRecord';
import { findModelOrDataset, kindOf, type FoundSource } from '../library/modelSource';
import { bringSources, findSources, planSources, type SourcePlan } from '../library/recipeSources';
import { removeModelFolder } from '../library/removeModelFolder';
import { readyStarter } from '../library/starter';
import { verifyModel } from '../library/verifyModel';
import type { Params, Payload, Result } from '../protocol/contract';
import type { CachedImport, GpuRuntimePlanned, GpuRuntimeStanding, HubOptions, LibraryContract, MaskFill, ModelDetail, Verification } from '../protocol/library'; // prettier-ignore
import { loadTokenizer, type Tokenizer } from '../tokenization/tokenizer';
import { vocabularyGaps } from '../training/corpus/vocabularyGaps';
import { tryCuda } from '../devices/tryCuda';
import { version } from '../../package.json';

export type LibraryProgress = Omit<Payload<LibraryContract, 'progress'>, 'job'>;

export interface LibraryJob {
  readonly onProgress: (progress: LibraryProgress) => void;
  readonly signal: AbortSignal;
}

type GpuRuntimeWish = Params<LibraryContract, 'planGpuRuntime'>;

type Wish = Pick<Params<LibraryContract, 'find'>, 'source' | 'isDataset' | 'downloads' | 'hub' | 'output'>;

/** The most tensors that are listed, more than any supported model has. */
const maxTensors = 5000;
const maxTokens = 512;

/** The requests of the library process, over the functions that the command line also calls. */
export class LibraryEngine {
  private tokenizer: { readonly folder: string; readonly value: Tokenizer } | undefined;
  private lastFill: Promise<unknown> = Promise.resolve();
  private filler: { readonly folder: string; readonly value: MaskFiller } | undefined;

  constructor(
    private readonly log: Log,
    private readonly env: NodeJS.ProcessEnv = process.env,
    /** Tries the GPU. A test passes its own function. */
    private readonly tryCard: TryCard = tryCuda,
    private readonly machine?: GpuRuntimeOptions['machine'],
  ) {}

  async find(wish: Wish, signal: AbortSignal): Promise<Result<LibraryContract, 'find'>> {
    return this.withFound(wish, signal, async (found) => {
      const plan = found.kind === 'remote' ? found.plan : undefined;
      return {
        kind: found.kind,
        what: kindOf(found),
        reference: found.origin.reference,
        name: sourceName(found),
        files: plan?.files.map(({ path, sizeBytes }) => ({ path, sizeBytes })) ?? [],
        totalBytes: plan?.totalBytes ?? 0,
        keptBytes: plan?.keptBytes ?? 0,
        ...(found.origin.commit !== undefined && { commit: found.origin.commit }),
      };
    });
  }

  hubHosts(hub: HubOptions): Result<LibraryContract, 'hubHosts'> {
    const { endpoints } = hubSettings(this.env, hub);
    return byHub((name) => new URL(endpoints[name]).host);
  }

  async search(
    { name, words: typed, kind, hub }: Params<LibraryContract, 'search'>,
    signal: AbortSignal,
  ): Promise<Result<LibraryContract, 'search'>> {
    const settings = hubSettings(this.env, hub);
    const client = new HubClient({ settings, log: this.log, userAgent: `medtext/${version}` });
    try {
      return [...(await client.search(name, typed, kind, signal))];
    } finally {
      await client.close();
    }
  }

  async localData({ files, hub }: Params<LibraryContract, 'localData'>): Promise<Result<LibraryContract, 'localData'>> {
    const settings = hubSettings(this.env, hub);
    return Promise.all(
      files.map(async (file) => {
        try {
          const { recipe } = await findSources({ dataset: { train: { file } } }, { env: this.env, settings });
          const path = recipe.dataset.train.file;
          return { file, ...(path !== file && { path }) };
        } catch (error) {
          return { file, error: plainError(asMedTextError(error)) };
        }
      }),
    );
  }

  async caches(): Promise<CachedImport[]> {
    return (await cachedRepositories({ env: this.env })).map((cached) => ({
      reference: formatHubReference({ ...cached, folder: undefined }),
      kind: cached.kind,
      folder: cached.folder,
      sizeBytes: cached.sizeBytes,
    }));
  }

  async importModel(
    wish: Wish & { readonly models: string; readonly known: readonly string[] },
    { onProgress, signal }: LibraryJob,
  ): Promise<Result<LibraryContract, 'importModel'>> {
    return this.withFound(wish, signal, async (found, client) => {
      if (kindOf(found) === 'dataset') {
        throw new MedTextError('USAGE', words`${found.origin.reference} is a data set. Import it as one.`);
      }
      const { folder, isNew, record, imported } = await importOnce(found, wish.models, wish.known, {
        client,
        signal,
        onDownload: (progress) => onProgress(transferred(progress)),
        onImport: ({ doneBytes, totalBytes }) => onProgress(plainProgress('import', doneBytes, totalBytes)),
      });
      return { folder, isNew, summary: loadReportLines(imported.report).join('\n'), facts: record };
    });
  }

  async importDataset(
    wish: Wish & { readonly output: string },
    { onProgress, signal }: LibraryJob,
  ): Promise<Result<LibraryContract, 'importDataset'>> {
    return this.withFound({ ...wish, isDataset: true }, signal, async (found, client) => {
      if (found.kind === 'local')
        throw new MedTextError('USAGE', words`${wish.source} is on this machine already: open it.`);
      const report = (progress: TransferProgress): void => onProgress(transferred(progress));
      const { folder, files } = await fetchDataset(found, wish.output, { client, onProgress: report, signal });
      return { folder, files: files?.map(({ path }) => path) ?? [] };
    });
  }

  logins(): Promise<HubLogin[]> {
    return hubLogins({ env: this.env });
  }

  async loginToken(hub: HubName): Promise<{ token: string }> {
    const login = (await this.logins()).find((one) => one.hub === hub);
    return { token: (login && (await loginToken(login))) ?? '' };
  }

  async missingSources(
    { recipe, hub }: Params<LibraryContract, 'missingSources'>,
    signal: AbortSignal,
  ): Promise<Result<LibraryContract, 'missingSources'>> {
    return this.withPlans(recipe, hub, signal, async (plans) =>
      plans.map(({ kind, download }) => ({
        kind,
        reference: formatHubReference(download.reference),
        files: download.files.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
        totalBytes: download.totalBytes,
        keptBytes: download.keptBytes,
      })),
    );
  }

  /** Downloads a recipe's sources. It plans again, because the machine's files may have changed while the person was asked. */
  bringSources(
    { recipe, hub, known }: Omit<Params<LibraryContract, 'bringSources'>, 'job'>,
    { onProgress, signal }: LibraryJob,
  ): Promise<void> {
    return this.withPlans(recipe, hub, signal, (plans, client) =>
      bringSources(plans, {
        ...{ client, env: this.env, known, signal },
        onDownload: (progress) => onProgress(transferred(progress)),
        onImport: ({ doneBytes, totalBytes }) => onProgress(plainProgress('import', doneBytes, totalBytes)),
      }),
    );
  }

  async starter(models: string, { onProgress, signal }: LibraryJob): Promise<{ folder: string }> {
    const folder = await readyStarter(models, {
      signal,
      onProgress: ({ doneBytes, totalBytes }) => onProgress(plainProgress('unpack', doneBytes, totalBytes)),
    });
    return { folder };
  }

  async vocabularyGaps(
    { folder: path, texts, column, terms, top }: Omit<Params<LibraryContract, 'vocabularyGaps'>, 'job'>,
    { onProgress, signal }: LibraryJob,
  ): Promise<Result<LibraryContract, 'vocabularyGaps'>> {
    const folder = await openExtendable(path);
    const gaps = await vocabularyGaps(loadTokenizer(await readTokenizerFiles(folder), folder.path), {
      paths: texts,
      terms: terms === undefined ? [] : readTerms(await readTextFile(terms), terms),
      ...{ column, top, signal },
      onProgress: (done, total) => onProgress(plainProgress('count', done, total)),
    });
    return gaps.map(({ pieces, ...gap }) => ({ ...gap, pieces: [...pieces] }));
  }

  async extendModel(
    { folder: source, ...wish }: Omit<Params<LibraryContract, 'extendModel'>, 'job'>,
    { onProgress, signal }: LibraryJob,
  ): Promise<Result<LibraryContract, 'extendModel'>> {
    const { folder, vocabulary } = await extendInLibrary(source, wish, {
      signal,
      onProgress: ({ doneBytes, totalBytes }) => onProgress(plainProgress('import', doneBytes, totalBytes)),
    });
    return { folder, vocabulary };
  }

  verify(folder: string, { onProgress, signal }: LibraryJob): Promise<Verification> {
    return verifyModel(folder, {
      signal,
      onProgress: (done, total) => onProgress(plainProgress('check', done, total)),
    });
  }

  async remove(folder: string): Promise<void> {
    this.tokenizer = undefined;
    await this.lastFill;
    await this.closeFiller();
    await removeModelFolder(folder);
  }

  async detail(path: string, signal: AbortSignal): Promise<ModelDetail> {
    const folder = await openModelFolder(path);
    const facts = await modelFacts(folder.path, signal);
    let tokenizer: ModelDetail['tokenizer'] = null;
    let failure: MedTextError | undefined;
    try {
      const { vocabSize, specialTokens } = await this.tokenizerOf(path);
      tokenizer = { vocabSize, maskToken: specialTokens.mask };
    } catch (error) {
      failure = asMedTextError(error);
    }
    const tokenizerProblem = failure?.message ?? '';
    const tokenizerError = failure && { tokenizerError: plainError(failure) };
    return {
      facts,
      config: folder.rawConfig,
      tensors: await tensorsOf(folder),
      tokenizer,
      tokenizerProblem,
      ...tokenizerError,
    };
  }

  async tokenize(path: string, first: string, second?: string): Promise<Result<LibraryContract, 'tokenize'>> {
    const tokenizer = await this.tokenizerOf(path);
    const { inputIds, textIndex, truncated } = tokenizer.encodeWithOffsets(first, second, maxTokens);
    const tokens = Array.from(inputIds, (id, at) => ({
      id,
      text: tokenizer.tokenText(id),
      textIndex: textIndex[at] < 0 ? null : textIndex[at],
    }));
    return { tokens, truncated };
  }

  async fillMask(path: string, text: string, top: number, threads?: number): Promise<MaskFill[]> {
    // Calls wait for each other, because a session may not be closed while it runs.
    const filled = this.lastFill.then(async () => {
      if (this.filler?.folder !== path) {
        await this.closeFiller();
        this.filler = { folder: path, value: await MaskFiller.open(path, { threads }) };
      }
      return this.filler.value.fill(text, top);
    });
    this.lastFill = filled.catch(() => undefined);
    return filled;
  }

  private async closeFiller(): Promise<void> {
    const { filler } = this;
    this.filler = undefined;
    await filler?.value.close();
  }

  async planGpuRuntime(wish: GpuRuntimeWish, signal: AbortSignal): Promise<GpuRuntimePlanned> {
    const { packages, linked, reused, driver, index, ...plan } = await planGpuRuntime(
      wish,
      this.gpuRuntimeOptions(wish, signal),
    );
    return {
      ...{ root: plan.root, cuda: plan.cuda, system: [...plan.system] },
      ...{ totalBytes: plan.totalBytes, keptBytes: plan.keptBytes, unpackedBytes: plan.unpackedBytes },
      packages: packages.map(({ file: { name, version: release, sizeBytes } }) => ({
        name,
        version: release,
        sizeBytes,
      })),
      linked: [...linked, ...reused.flatMap(({ libraries }) => libraries)].map(({ path }) => path),
      ...(driver !== undefined && { driver }),
      ...(index !== undefined && { index }),
    };
  }

  /** Installs CUDA's libraries. It plans again, because the machine's files may have changed while the person was asked. */
  async installGpuRuntime(
    wish: GpuRuntimeWish,
    { onProgress, signal }: LibraryJob,
  ): Promise<Result<LibraryContract, 'installGpuRuntime'>> {
    const options = this.gpuRuntimeOptions(wish, signal);
    const plan = await planGpuRuntime(wish, options);
    const { cuda, tested } = await installGpuRuntime(plan, this.tryCard, { ...options, onProgress });
    return { cuda, tested };
  }

  async gpuRuntimeStatus(): Promise<GpuRuntimeStanding> {
    const { root, state, sizeBytes, keptBytes } = await gpuRuntimeStatus(this.env, bundledRuntimeVersion);
    const common = { root, state: state.kind, runtimeVersion: bundledRuntimeVersion, sizeBytes, keptBytes };
    if (state.kind === 'none') return common;
    const { cuda, runtimeVersion: installedVersion, installedAt, tested, packages, folders } = state.record;
    const names = packages.map(({ name, version: release }) => `${name} ${release}`);
    return { ...common, cuda, installedVersion, installedAt, tested, packages: names, folders: [...folders] };
  }

  removeGpuRuntime(): Promise<{ freedBytes: number }> {
    return removeGpuRuntime(this.env);
  }

  private gpuRuntimeOptions({ hub, index }: GpuRuntimeWish, signal: AbortSignal): GpuRuntimeOptions {
    const { proxy, offline } = hubSettings(this.env, hub);
    return {
      runtimeVersion: bundledRuntimeVersion,
      // Other platforms have no CUDA provider, and the plan reports their alternative.
      runtimeLibrary: process.platform === 'linux' ? runtimeLibraryPath() : '',
      ...{ proxy, offline, index, signal, env: this.env, log: this.log, userAgent: `medtext/${version}` },
      ...(this.machine && { machine: this.machine }),
    };
  }

  private async withFound<T>(
    { source, isDataset, downloads, hub, output = '' }: Wish,
    signal: AbortSignal,
    work: (found: FoundSource, client: HubClient) => Promise<T>,
  ): Promise<T> {
    const settings = hubSettings(this.env, hub);
    const client = new HubClient({ settings, log: this.log, userAgent: `medtext/${version}` });
    try {
      const options = { isDataset, output, client, settings, env: this.env, downloads, signal };
      return await work(await findModelOrDataset(source, options), client);
    } finally {
      await client.close();
    }
  }

  private async withPlans<T>(
    recipe: Readonly<Record<string, unknown>>,
    hub: HubOptions,
    signal: AbortSignal,
    work: (plans: readonly SourcePlan[], client: HubClient) => Promise<T>,
  ): Promise<T> {
    const settings = hubSettings(this.env, hub);
    const client = new HubClient({ settings, log: this.log, userAgent: `medtext/${version}` });
    try {
      const places = { env: this.env, settings };
      const { missing } = await findSources(recipe, places);
      return await work(await planSources(missing, { ...places, client, signal }), client);
    } finally {
      await client.close();
    }
  }

  private async tokenizerOf(path: string): Promise<Tokenizer> {
    if (this.tokenizer?.folder !== path) {
      const folder = await openModelFolder(path);
      this.tokenizer = { folder: path, value: loadTokenizer(await readTokenizerFiles(folder), folder.path) };
    }
    return this.tokenizer.value;
  }
}

function transferred({ doneBytes, totalBytes, bytesPerSecond, secondsLeft }: TransferProgress): LibraryProgress {
  return { phase: 'download', done: doneBytes, total: totalBytes, bytesPerSecond, secondsLeft };
}

function plainProgress(phase: 'import' | 'check' | 'unpack' | 'count', done: number, total: number): LibraryProgress {
  return { phase, done, total, bytesPerSecond: 0, secondsLeft: null };
}

async function tensorsOf({ weightsPath }: ModelFolder): Promise<ModelDetail['tensors']> {
  if (weightsPath === undefined) return [];
  const checkpoint = await openStored(weightsPath);
  try {
    return [...checkpoint.tensors].slice(0, maxTensors).map(([name, { dataType, shape }]) => ({ name, dataType, shape: [...shape] })); // prettier-ignore
  } finally {
    await checkpoint.close();
  }
}
