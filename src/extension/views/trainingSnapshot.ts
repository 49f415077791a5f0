import type { ToldError } from '../../protocol/errorWords';
import { metricMeasured } from '../../protocol/evaluation';
import { usualMetric } from '../../protocol/tasks';
import type { OtherRun, RunPhase, ShownRecipe, ShownRun, TrainingSnapshot } from '../../protocol/trainingView';
import { isResumable, type RunRecord } from '../runStore';
import type { TrainingState } from '../trainingService';
import { bestOf, emptyHistory, finite, historyOf, type RunHistory } from './runHistory';

/** What the snapshot is made from. */
export interface TrainingFacts {
  readonly recipe: ShownRecipe | null;
  readonly training: TrainingState;
  /** The run shown while this window trains nothing, with what its folder says. */
  readonly stored?: { readonly record: RunRecord; readonly history: RunHistory };
  /** A run of the shown recipe that failed before it had a folder. */
  readonly failure?: { readonly name: string } & ToldError;
  /** The runs that train without this window. */
  readonly others: readonly OtherRun[];
  readonly hasModels: boolean;
  readonly trusted: boolean;
  readonly nowMs: number;
}

/** Everything the Training view shows, complete. */
export function trainingSnapshot(facts: TrainingFacts): TrainingSnapshot {
  const { recipe, training, hasModels, trusted } = facts;
  const busy = training.phase !== 'idle';
  const run = busy ? liveRun(facts) : storedRun(facts);
  return { recipe, run, others: facts.others.filter(({ id }) => id !== run?.id), busy, hasModels, trusted };
}

function liveRun({ training, stored, nowMs }: TrainingFacts): ShownRun {
  const {
    phase,
    request,
    report,
    runFolder,
    silence,
    understoodData,
    memoryPlan,
    chosenDevice,
    lostDevice,
    preparing,
    evaluating,
  } = training;
  const live = historyOf(training.history, training.evaluations);
  // A resumed run goes on where its folder ends.
  const resumed = request?.resumeFrom !== undefined && stored?.record.folder === runFolder;
  const history = resumed ? joined(stored!.history, live) : live;
  const started = resumed || stored?.record.folder === runFolder ? stored?.record.startedAtMs : undefined;
  return {
    id: runFolder ?? '',
    name: request?.name ?? '',
    phase: phase === 'idle' ? 'finished' : phase,
    resumable: false,
    ...course(history, metricOf(request?.recipe, history)),
    step: report?.step ?? history.last?.step ?? 0,
    totalSteps: report?.totalSteps ?? history.last?.totalSteps ?? 0,
    ...details(report),
    ...(silence && { silence }),
    ...(preparing && { preparing }),
    ...(evaluating && { evaluating }),
    ...(chosenDevice && { chosenDevice }),
    ...(lostDevice !== undefined && { lostDevice }),
    ...precisionOf(request?.recipe),
    ...(understoodData && { understoodData }),
    ...(memoryPlan && { memoryPlan }),
    ...(started !== undefined && { elapsedSeconds: Math.max(0, (nowMs - started) / 1000) }),
  };
}

function storedRun({ stored, failure, nowMs, recipe }: TrainingFacts): ShownRun | null {
  if (failure) {
    const { name, code, message, words } = failure;
    const error = { code, message, ...(words !== undefined && { words }) };
    const nothing = course(emptyHistory, 'accuracy');
    return { ...nothing, id: '', name, phase: 'failed', resumable: false, step: 0, totalSteps: 0, error }; // prettier-ignore
  }
  if (!stored) return null;
  const { record, history } = stored;
  const running = record.status === 'running';
  const { secondsLeft, examplesPerSecond, memoryBytes, ...lasting } = details(history.last);
  const elapsedSeconds = Math.max(0, ((running ? nowMs : (record.endedAtMs ?? nowMs)) - record.startedAtMs) / 1000);
  return {
    id: record.folder,
    name: record.name,
    phase: (record.stopAsked ? 'stopping' : record.status) satisfies RunPhase,
    resumable: isResumable(record),
    ...course(history, record.metric?.name ?? usualMetric(recipe?.task)),
    step: Math.max(record.step, history.last?.step ?? 0),
    totalSteps: record.totalSteps || (history.last?.totalSteps ?? 0),
    ...lasting,
    // A run that has ended shows neither rate nor time left.
    ...(running && { ...details({ secondsLeft, examplesPerSecond, memoryBytes }) }),
    elapsedSeconds,
    ...(running && { place: record.place ?? { program: 'unknown' } }),
    ...(record.understoodData && { understoodData: record.understoodData }),
    ...(record.test && { test: { metric: record.test.name, value: record.test.value } }),
    ...(record.stoppedEarly && { stoppedEarly: true }),
    ...(record.error && { error: record.error }),
  };
}

function course(
  history: RunHistory,
  metric: string,
): Pick<ShownRun, 'steps' | 'losses' | 'evaluations' | 'metric' | 'best' | 'scores'> {
  const { steps, losses, evaluations } = history;
  const best = bestOf(evaluations, metric);
  const scores = best ? history.scores.find(({ step }) => step === best.step) : history.scores.at(-1);
  return { steps, losses, evaluations, metric, best, ...(scores && { scores }) };
}

function details(report: RunHistory['last']): Partial<ShownRun> {
  if (!report) return {};
  const { step, totalSteps, epoch, device, sequenceLength } = report;
  const known = {
    epoch: finite(epoch),
    totalEpochs: epoch && step && totalSteps ? Math.round((epoch * totalSteps) / step) : null,
    learningRate: finite(report.learningRate),
    examplesPerSecond: finite(report.examplesPerSecond),
    secondsLeft: finite(report.secondsLeft),
    memoryBytes: finite(report.memoryBytes),
    sequenceLength: finite(sequenceLength),
    device: typeof device === 'string' ? device : null,
  };
  return {
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null)),
    ...(report.randomStart === true && { randomStart: true }),
    ...('loss' in report && { loss: finite(report.loss) }),
    ...(report.lossParts && {
      lossParts: Object.fromEntries(Object.entries(report.lossParts).map(([name, value]) => [name, finite(value)])),
    }),
    ...('gradientNorm' in report && { gradientNorm: finite(report.gradientNorm) }),
  };
}

/** The earlier course up to where the later one begins, then the later one. */
function joined(earlier: RunHistory, later: RunHistory): RunHistory {
  const start = Math.min(later.steps[0] ?? Infinity, later.evaluations[0]?.step ?? Infinity);
  const kept = earlier.steps.filter((step) => step < start).length;
  return {
    steps: [...earlier.steps.slice(0, kept), ...later.steps],
    losses: [...earlier.losses.slice(0, kept), ...later.losses],
    evaluations: [...earlier.evaluations.filter(({ step }) => step < start), ...later.evaluations],
    scores: [...earlier.scores.filter(({ step }) => step < start), ...later.scores],
    last: later.last ?? earlier.last,
  };
}

function metricOf(recipe: Readonly<Record<string, unknown>> | undefined, history: RunHistory): string {
  const named = (recipe?.train as { metric_for_best?: unknown } | undefined)?.metric_for_best;
  if (typeof named === 'string') return named;
  const metrics = history.evaluations.at(-1)?.metrics;
  return (metrics && metricMeasured(metrics)) ?? usualMetric(recipe?.task);
}

function precisionOf(recipe: Readonly<Record<string, unknown>> | undefined): Pick<ShownRun, 'precision'> {
  const precision = (recipe?.train as { precision?: unknown } | undefined)?.precision;
  return typeof precision === 'string' ? { precision } : {};
}
