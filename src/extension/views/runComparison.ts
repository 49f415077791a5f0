import { basename, join } from 'node:path';
import { readTextFile } from '../../base/textFile';
import type {
  ComparedData,
  ComparedMetric,
  ComparedRun,
  ComparedSetting,
  RunComparison,
} from '../../protocol/runComparison';
import { metricsMeasured } from '../../protocol/evaluation';
import { METRIC_NAMES, type MetricName, isLowerBetter } from '../../protocol/tasks';
import type { RunRecordParts } from '../../protocol/runRecord';
import { readRunFile } from '../runFolderRecord';
import { RunLog } from '../runLog';
import type { RunRecord } from '../runStore';
import { finite, type RunHistory } from './runHistory';

/** What of the machine can explain a difference. */
const environmentFields = ['device', 'threads', 'cpu', 'platform', 'onnxruntime', 'medtext'];
/** Shown with the data, or of no influence. */
const passedOver = /^(work_dir|dataset\.[^.]+\.file)$/;

interface ReadRun {
  readonly record: RunRecord;
  readonly history: RunHistory;
  readonly recipe: Readonly<Record<string, unknown>>;
  /** What is whole of run.json. */
  readonly file: RunRecordParts;
}

/** Reads the run folders; what one of them lacks is null in the comparison. */
export async function compareRuns(records: readonly RunRecord[]): Promise<RunComparison> {
  const runs = await Promise.all(
    records.map(async (record): Promise<ReadRun> => {
      const [{ history }, recipe, file] = await Promise.all([
        new RunLog(record.folder).read(),
        readObject(join(record.folder, 'recipe.medtext.json')),
        readRunFile(record.folder),
      ]);
      return { record, history, recipe, file: file ?? {} };
    }),
  );
  return {
    runs: runs.map(comparedRun),
    metrics: metricsOf(runs, metricOf),
    testMetrics: metricsOf(runs, ({ file }, name) => measured(file.test ?? {}, name)),
    settings: settingsOf(runs),
    data: dataOf(runs),
  };
}

function comparedRun({ record, history, file }: ReadRun): ComparedRun {
  const { folder: id, name, status, step, totalSteps, startedAtMs, endedAtMs } = record;
  const { steps, losses, evaluations } = history;
  return {
    id,
    name,
    status,
    step,
    totalSteps,
    seconds: endedAtMs === undefined ? null : Math.max(0, (endedAtMs - startedAtMs) / 1000),
    metric: file.best?.metric ?? '',
    bestStep: file.best?.step ?? null,
    steps,
    losses,
    evaluations,
  };
}

type MetricOf = (run: ReadRun, name: string) => ComparedMetric['values'][number];

/** The metrics that any run has, the one that chose the best checkpoints first, the others in the order of the runs' tasks. */
function metricsOf(runs: readonly ReadRun[], valueOf: MetricOf): readonly ComparedMetric[] {
  const choosing = runs.flatMap(({ file }) => file.best?.metric ?? []);
  const known = choosing.filter((name) => METRIC_NAMES.includes(name as MetricName));
  const own = runs.flatMap(({ file }) => metricsMeasured(file.best?.evaluation ?? {}));
  const ordered = [...new Set([...known, ...own, ...METRIC_NAMES])];
  return ordered
    .map((name) => ({ name, lowerIsBetter: isLowerBetter(name), values: runs.map((run) => valueOf(run, name)) }))
    .filter(({ values }) => values.some((value) => value !== null));
}

/** A metric of the best checkpoint, or of the newest evaluation in a run without one. */
const metricOf: MetricOf = ({ file, history }, name) => {
  const evaluation = file.best?.evaluation;
  if (evaluation === undefined || evaluation === null) {
    const value = history.evaluations.at(-1)?.metrics[name] ?? null;
    return value === null ? null : { value, low: null, high: null };
  }
  return measured(evaluation, name);
};

function measured(evaluation: Readonly<Record<string, unknown>>, name: string): ComparedMetric['values'][number] {
  const value = finite(evaluation[name]);
  const interval: unknown = evaluation[`${name}Interval`];
  const [low, high] = Array.isArray(interval) ? interval.map(finite) : [];
  return value === null ? null : { value, low: low ?? null, high: high ?? null };
}

/** Every field that one of the runs has; those that differ first. */
function settingsOf(runs: readonly ReadRun[]): readonly ComparedSetting[] {
  const columns = runs.map(({ recipe, file }) => {
    const fields = fieldsOf(recipe).filter(([name]) => !passedOver.test(name));
    const machine = environmentFields.flatMap((name): [string, string][] => {
      const value: unknown = file.environment?.[name];
      return value === undefined ? [] : [[`environment.${name}`, textOf(value)]];
    });
    const contentHash = file.model?.contentHash;
    const content: [string, string][] = contentHash === undefined ? [] : [['model.contentHash', contentHash.slice(0, 19)]]; // prettier-ignore
    return new Map([...fields, ...content, ...machine]);
  });
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const settings = names.map((name) => {
    const values = columns.map((column) => column.get(name) ?? null);
    return { name, values, differs: new Set(values).size > 1 };
  });
  return [...settings.filter(({ differs }) => differs), ...settings.filter(({ differs }) => !differs)];
}

function dataOf(runs: readonly ReadRun[]): readonly ComparedData[] {
  const splits = [...new Set(runs.flatMap(({ file }) => Object.keys(file.data ?? {})))];
  return splits.map((split) => {
    const values = runs.map(({ file }) => {
      const record = file.data?.[split];
      if (record?.sha256 === undefined) return null;
      return { file: basename(record.file ?? ''), rows: record.rows ?? 0, sha256: record.sha256 };
    });
    return { split, values, differs: new Set(values.map((value) => value?.sha256)).size > 1 };
  });
}

/** The leaves of an object by their dotted paths; a list is one value. */
function fieldsOf(value: Readonly<Record<string, unknown>>, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, field]) => {
    const isObject = typeof field === 'object' && field !== null && !Array.isArray(field);
    if (isObject) return fieldsOf(field as Record<string, unknown>, `${path}${name}.`);
    return [[`${path}${name}`, textOf(field)]];
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

async function readObject(file: string): Promise<Record<string, any>> {
  try {
    const value: unknown = JSON.parse(await readTextFile(file));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
