/** What a training will read and take, said before its start. */
import { cleanText, type CleanOperation } from '../../base/cleanText';
import { MedTextError, words } from '../../base/errors';
import { sum } from '../../base/sum';
import { excerptOf } from '../../data/dataRow';
import type { Example } from '../../data/examples';
import { equalTexts, pairKey } from '../../data/statistics';
import { knownDevice } from '../../devices/deviceChoice';
import { networkShape } from '../../models/loadNetwork';
import type { ParameterSpec } from '../../models/parameters';
import { answerOf } from '../../protocol/answers';
import type { ResolvedRecipe } from '../../protocol/recipe';
import { describeTask } from '../../protocol/tasks';
import type { Contradiction, TrainingForecast } from '../../protocol/trainingForecast';
import type { TaskData } from '../../tasks/task';
import { workOf } from '../disturbance';
import { measuredRate } from './measuredRate';
import { anyWeights, measuredSteps } from './measuredSteps';
import { recipeOfRun, withAbsolutePaths } from '../recipeOfRun';
import { openForTraining, readRows, type RunMaterial } from '../runMaterial';
import { planSteps } from '../setUpTrainer';
import { TrainingPlan } from '../trainingPlan';

export interface ForecastOptions {
  /** The folder that the recipe's relative paths start from. */
  readonly baseFolder: string;
  /** Runs whose logs may tell a rate, newest first. */
  readonly runFolders: readonly string[];
  /** Whether steps are computed where no run tells a rate. */
  readonly measures?: boolean;
  readonly signal: AbortSignal;
}

const maxExamples = 5;
const maxRows = 10_000;
const maxExcerpt = 80;
/** How many steps are planned one by one; the others count as their average. */
const maxPlanned = 5000;

/**
 * Reads the data as the training will, without the weights, and plans its steps. Steps that do not fit the memory are not measured.
 * @throws MedTextError UNSUPPORTED for a task that reads texts; what the training would throw before its first step, but for damaged
 * weights.
 */
export async function forecastTraining(
  asked: ResolvedRecipe,
  { baseFolder, runFolders, measures = false, signal }: ForecastOptions,
): Promise<TrainingForecast> {
  if (describeTask(asked.task).reads === 'corpus') {
    throw new MedTextError('UNSUPPORTED', words`An estimate is possible only for training on labelled rows. Texts must be prepared first. Start the training: it shows the number of sequences and the memory before the first step.`, { task: asked.task }); // prettier-ignore
  }
  const device = asked.device === 'auto' ? await knownDevice() : asked.device;
  const given = { ...withAbsolutePaths(asked, baseFolder), device };
  const opened = await openForTraining(given, () => undefined);
  const { folder, clean, definition, head } = opened;
  const data = await readRows(given, folder, opened, { log: () => undefined, stopSignal: signal }); // prettier-ignore
  const columns = definition.columnsOf(data.labels, head);
  const { specs, parameters, ...model } = await networkShape(folder, head, columns.length);
  const material = { folder, clean, definition, columns, model, ...data };
  const recipe = recipeOfRun(given, material);
  const plan = new TrainingPlan(recipe, material);
  const { trained, memoryPlan, exceeds } = await planSteps(recipe, material, specs, plan, undefined);
  const size = { recipe, parameterCount: elementsOf(specs), trainedCount: elementsOf(specs.filter(({ name }) => trained.has(name))) }; // prettier-ignore
  const ofRun = await measuredRate(size, runFolders);
  const computes = measures && !ofRun && !exceeds;
  const measured = computes ? await measuredSteps(recipe, { ...material, model, parameters: parameters ?? anyWeights(specs) } as RunMaterial, plan, { signal }) : undefined; // prettier-ignore
  const rate = ofRun ?? measured;
  const learned = data.train.data!;
  const { validation } = data;
  return {
    examples: learned.examples.length,
    validation: validation?.data?.examples.length ?? 0,
    badRows: learned.badRows.count,
    dropped: learned.dropped,
    duplicates: data.records.train.duplicates ?? 0,
    contradictions: contradictionsIn(learned, clean, answerOf(recipe.task).hasNames === undefined),
    shared: sharedTexts(learned, validation?.data, clean),
    cut: cutIn(data.train),
    maxLength: data.maxLength,
    steps: plan.totalSteps,
    device,
    memory: memoryPlan,
    exceedsMemory: exceeds,
    time: rate
      ? {
          seconds: tokensOf(plan, material, workOf(recipe)) / rate.tokensPerSecond,
          run: ofRun ? (ofRun.run.name ?? ofRun.run.id) : null,
          endedAt: ofRun?.run.updatedAt ?? null,
          steps: rate.steps,
        }
      : null,
  };
}

const elementsOf = (specs: readonly ParameterSpec[]): number =>
  sum(specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1)));

/**
 * The tokens of all steps, padding included, and of all evaluations: those are a forward pass, a third of a plain step's work.
 * @param work of a step beside a plain one's
 */
function tokensOf(plan: TrainingPlan, { validation }: Pick<RunMaterial, 'validation'>, work: number): number {
  const looked = Math.min(plan.totalSteps, maxPlanned);
  let tokens = 0;
  let evaluations = 0;
  for (let step = 1; step <= looked; step++) {
    tokens += plan.tokensOf(step);
    if (plan.evaluatesAfter(step)) evaluations++;
  }
  const perEvaluation = sum(validation?.windows.lengths ?? []) / (3 * work);
  return (tokens + evaluations * perEvaluation) * (plan.totalSteps / looked);
}

/** Examples, not windows: a long text that is read in several of them loses nothing. */
function cutIn({ windows }: RunMaterial['train']): number {
  let cut = 0;
  for (let place = 0; place < windows.lengths.length; place++) if (windows.at(place, 0).encoded.truncated) cut++;
  return cut;
}

/** Contradictions among labels. Different amounts of a regression are none: two people measure differently. */
function contradictionsIn(
  { labels, idsOf, ...data }: TaskData,
  clean: readonly CleanOperation[],
  isAmount: boolean,
): TrainingForecast['contradictions'] {
  const examples = data.examples.map((example) => ({ ...example, ...textsOf(example, clean) }));
  const nameOf = (label: unknown): string => {
    const ids = idsOf ? idsOf(label) : typeof label === 'number' ? [label] : undefined;
    return ids ? ids.map((id) => labels[id]).join(', ') : JSON.stringify(label);
  };
  const groups = isAmount ? [] : equalTexts(examples).filter((group) => new Set(group.map(({ label }) => nameOf(label))).size > 1); // prettier-ignore
  const rows = groups.flatMap((group) => group.map(({ row }) => row)).sort((a, b) => a - b);
  const shown = groups.slice(0, maxExamples).map((group): Contradiction => {
    const [{ first, second }] = group;
    return {
      first: excerptOf(first, maxExcerpt),
      ...(second !== undefined && { second: excerptOf(second, maxExcerpt) }),
      labels: [...new Set(group.map(({ label }) => excerptOf(nameOf(label), maxExcerpt)))],
      lines: group.slice(0, maxExamples).map(({ line }) => line),
      rows: group.slice(0, maxExamples).map(({ row }) => row),
    };
  });
  return { texts: groups.length, rowCount: rows.length, rows: rows.slice(0, maxRows), examples: shown };
}

/** The texts as the model reads them. */
const textsOf = ({ first, second }: Example<unknown>, clean: readonly CleanOperation[]) => ({
  first: cleanText(first, clean),
  ...(second !== undefined && { second: cleanText(second, clean) }),
});

function sharedTexts(train: TaskData, validation: TaskData | undefined, clean: readonly CleanOperation[]): number {
  if (!validation) return 0;
  const keyOf = (example: Example<unknown>) => pairKey(textsOf(example, clean));
  const known = new Set(train.examples.map(keyOf));
  return validation.examples.filter((example) => known.has(keyOf(example))).length;
}
