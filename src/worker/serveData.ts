import { MedTextError, words } from '../base/errors';
import { PreviewSession } from '../preview/previewSession';
import type { TokenCounter } from '../preview/tokenCounts';
import { dataProcessContract } from '../protocol/dataProcess';
import { latestAtMost } from './latestAtMost';
import { serveWorker } from './serveWorker';

const endGraceMs = 2000;

/** Makes this process the data process, which reads files for previews. */
export function serveData(loadCounter: (folder: string) => Promise<TokenCounter>): void {
  const sessions = new Map<number, PreviewSession>();
  const of = ({ session }: { session: number }): PreviewSession => {
    const found = sessions.get(session);
    if (found) return found;
    throw new MedTextError('NOT_FOUND', words`The preview is not open.`, { session });
  };
  serveWorker(
    dataProcessContract,
    ({ emit }) => ({
      async open({ session, opening }) {
        await sessions.get(session)?.close();
        const listeners = {
          onState: (state: never) => emit('state', { session, state }),
          onInsights: (insights: never) => emit('insights', { session, insights }),
          onFindings: (findings: never) => emit('findings', { session, findings }),
        };
        const opened = await PreviewSession.open(opening, listeners, loadCounter);
        sessions.set(session, opened);
        return opened.overview();
      },
      async close({ session }) {
        const closed = sessions.get(session);
        sessions.delete(session);
        await closed?.close();
      },

      rows: ({ start, count, view, ...params }, signal) => of(params).rows(view, start, count, signal),
      cell: ({ view, row, column, ...params }, signal) => of(params).cell(view, row, column, signal),
      setView: async ({ query, ...params }) => ({ view: await of(params).setView(query) }),
      position: ({ view, row, ...params }) => ({ index: of(params).position(view, row) }),
      line: async ({ view, row, ...params }, signal) => ({ line: await of(params).line(view, row, signal) }),

      showSplit: ({ name, ...params }) => of(params).showSplit(name),
      setSplits: ({ splits, ...params }) => of(params).setSplits(splits),
      setMapping: ({ mapping, source, labelNames, ...params }) => of(params).setMapping(mapping, source, labelNames),
      setMaxLength: ({ maxLength, ...params }) => of(params).setMaxLength(maxLength),
      setModel: ({ model, ...params }) => of(params).setModel(model),
      setRecipe: ({ recipe, ...params }) => of(params).setRecipe(recipe),

      start: ({ task, ...params }) => of(params).start(task),
      cancel: ({ task, ...params }) => of(params).cancel(task),

      inputs: ({ rows, ...params }, signal) => of(params).inputs(rows, signal),
      predicted: ({ rows, predictions, ...params }) => of(params).predicted(rows, predictions),
      forgetPredictions: (params) => of(params).forgetPredictions(),

      copy: ({ session, view, ...options }) => of({ session }).copy(view, options),
      async export({ session, view, ...options }, signal) {
        const progress = latestAtMost<{ done: number; total: number }>(10, (report) =>
          emit('exportProgress', { session, ...report }),
        );
        const onProgress = (done: number, total: number): void => progress.push({ done, total });
        return { rows: await of({ session }).export(view, options, onProgress, signal) };
      },
      planClean: ({ options, ...params }, signal) => of(params).planClean(options, signal),
      writeClean: ({ options, file, ...params }, signal) => of(params).writeClean(options, file, signal),
      planSplit: ({ options, ...params }, signal) => of(params).planSplit(options, signal),
      writeSplit: ({ options, files, ...params }, signal) => of(params).writeSplit(options, files, signal),
    }),
    { graceMs: endGraceMs },
  );
}
