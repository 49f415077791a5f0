import { libraryContract } from '../protocol/library';
import { latestAtMost } from './latestAtMost';
import type { LibraryEngine, LibraryJob } from './libraryEngine';
import { serveWorker } from './serveWorker';

/** The grace at the end, in which a download flushes its parts. */
const endGraceMs = 3000;

/** Makes this process the library process. @param load loads the engine at the first request */
export function serveLibrary(load: () => Promise<typeof LibraryEngine>): void {
  serveWorker(
    libraryContract,
    ({ emit, log }) => {
      let loaded: Promise<LibraryEngine> | undefined;
      const engine = (): Promise<LibraryEngine> => (loaded ??= load().then((Engine) => new Engine(log)));
      const tell = (job: number): LibraryJob['onProgress'] => {
        const pace = latestAtMost<Parameters<LibraryJob['onProgress']>[0]>(10, (progress) => emit('progress', { job, ...progress })); // prettier-ignore
        return (progress) => {
          pace.push(progress);
          if (progress.done >= progress.total) pace.flush();
        };
      };
      return {
        find: async (wish, signal) => (await engine()).find(wish, signal),
        hubHosts: async ({ hub }) => (await engine()).hubHosts(hub),
        search: async (wish, signal) => (await engine()).search(wish, signal),
        caches: async () => (await engine()).caches(),
        importModel: async ({ job, ...wish }, signal) =>
          (await engine()).importModel(wish, { onProgress: tell(job), signal }),
        importDataset: async ({ job, ...wish }, signal) =>
          (await engine()).importDataset(wish, { onProgress: tell(job), signal }),
        logins: async () => (await engine()).logins(),
        loginToken: async ({ hub }) => (await engine()).loginToken(hub),
        missingSources: async (wish, signal) => (await engine()).missingSources(wish, signal),
        localData: async (wish) => (await engine()).localData(wish),
        bringSources: async ({ job, ...wish }, signal) =>
          (await engine()).bringSources(wish, { onProgress: tell(job), signal }),
        starter: async ({ models, job }, signal) => (await engine()).starter(models, { onProgress: tell(job), signal }),
        vocabularyGaps: async ({ job, ...wish }, signal) =>
          (await engine()).vocabularyGaps(wish, { onProgress: tell(job), signal }),
        extendModel: async ({ job, ...wish }, signal) =>
          (await engine()).extendModel(wish, { onProgress: tell(job), signal }),
        verify: async ({ folder, job }, signal) => (await engine()).verify(folder, { onProgress: tell(job), signal }),
        remove: async ({ folder }) => (await engine()).remove(folder),
        detail: async ({ folder }, signal) => (await engine()).detail(folder, signal),
        tokenize: async ({ folder, first, second }) => (await engine()).tokenize(folder, first, second),
        planGpuRuntime: async (wish, signal) => (await engine()).planGpuRuntime(wish, signal),
        installGpuRuntime: async ({ job, ...wish }, signal) =>
          (await engine()).installGpuRuntime(wish, { onProgress: tell(job), signal }),
        gpuRuntimeStatus: async () => (await engine()).gpuRuntimeStatus(),
        removeGpuRuntime: async () => (await engine()).removeGpuRuntime(),
        fillMask: async ({ folder, text, top, threads }) => (await engine()).fillMask(folder, text, top, threads),
      };
    },
    { graceMs: endGraceMs },
  );
}
