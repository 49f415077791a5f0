import { resolve } from 'node:path';
import { shellQuoted } from '../../base/shellText';
import type { ResolvedRecipe } from '../../protocol/recipe';
import type { MetricName } from '../../protocol/tasks';
import type {
  EvaluationProgress,
  EvaluationReport,
  PreparationProgress,
  TrainingReport,
  TrainingResult,
} from '../../protocol/trainer';
import { metricOf, type EvaluationMetrics } from '../../protocol/evaluation';
import type { Arguments, Command, Context, ExitCode } from '../commandLine';
import { evaluationLine, evaluationText } from '../evaluationText';
import { forecastText } from '../forecastText';
import { recipeOptions } from '../recipeArguments';
import { askForPatience } from '../secondProcess';
import type { Screen } from '../screen';
import { counted, decimal, duration, integer, properties } from '../terminal';

export const finetuneCommand: Command = {
  name: 'finetune',
  usage: [
    'finetune <recipe> [--set FIELD=VALUE …]',
    'finetune --model DIR --train FILE [--validation FILE …]',
    'finetune [<recipe>] --resume [RUN]',
  ],
  summary: 'Fine-tune an encoder by a recipe (*.medtext.json) or by options.',
  details: [
    'Ctrl-C finishes the step, saves a checkpoint and ends with exit code 130. A second Ctrl-C ends at once.',
    'A ModelScope configuration.json is accepted as a recipe. Options fill in the fields that it lacks.',
    'The model and the data may be addresses of a hub (modelscope:OWNER/NAME, hf:OWNER/NAME; for data also #SPLIT) or of the',
    'library (library:NAME@HASH). Models and data that are not on this machine are downloaded. In a terminal, the command shows',
    'the size and asks first; without a terminal, --yes is needed. Models go to ~/.local/share/medtext/models (MEDTEXT_MODELS),',
    'data to ~/.local/share/medtext/datasets (MEDTEXT_DATASETS).',
  ],
  options: {
    ...recipeOptions,
    estimate: {
      kind: 'flag',
      help: 'Read the data and print an estimate instead of training: steps, memory, contradictory labels, and the time if an earlier run on this machine shows the speed.',
    },
    measure: {
      kind: 'flag',
      help: 'With --estimate: if no earlier run shows the speed, compute a few steps to estimate the time.',
    },
    resume: {
      kind: 'value',
      value: '[RUN]',
      help: 'Continue a run exactly where it stopped. Without RUN: the newest unfinished run of the recipe.',
    },
  },
  examples: [
    'medtext finetune qqr.medtext.json --set train.max_epochs=5',
    'medtext finetune --model models/structbert --train train.json --validation dev.json --epochs 3',
    'medtext finetune --resume runs/structbert-20250101-120000',
  ],
  run: finetuneCommandLine,
};

/** The value of a `--resume` that names no run. */
export const NEWEST_RUN = '';

async function finetuneCommandLine(args: Arguments, context: Context): Promise<ExitCode> {
  args.atMost(1);
  if (args.positionals.length === 0 && !['model', 'train', 'resume', 'set'].some((name) => args.has(name))) {
    throw args.wrong('Give a recipe, or --model and --train.');
  }
  const { screen, signal } = context;
  const { recipe, baseFolder, recipeFile, resumeFrom } = await whatToTrain(args, context);
  if (args.has('measure') && !args.has('estimate')) throw args.wrong('--measure needs --estimate.');
  if (args.has('estimate')) return estimate(recipe, baseFolder, resumeFrom, args, context);
  const { finetune } = await import('../../training/finetune');
  const { chooseDevice } = await import('../../devices/deviceChoice');
  const { improves } = await import('../../tasks/evaluationReport');
  const view = new TrainingView(screen, recipe, improves);
  const started = performance.now();
  askForPatience();
  const result = await finetune({
    recipe,
    baseFolder,
    recipeFile,
    resumeFrom,
    owner: { program: 'commandLine' },
    onPreparation: (progress) => view.preparation(progress),
    onEndAsked() {
      screen.note('Another program asked this training to end at once. The run can resume from its last checkpoint.');
      process.exit(130);
    },
    onReport: (report) => view.report(report),
    onEvaluation: (evaluation) => view.evaluation(evaluation),
    onEvaluationProgress: (progress) => view.evaluationProgress(progress),
    log: (line) => (screen.json ? screen.note(line) : screen.print(`  ${line}`)),
    stopSignal: signal,
    chooseDevice: (log) => chooseDevice({ log }),
  });
  view.end(result, (performance.now() - started) / 1000);
  return result.status === 'stopped' ? 130 : 0;
}

async function estimate(
  recipe: ResolvedRecipe,
  baseFolder: string,
  resumeFrom: string | undefined,
  args: Arguments,
  { screen, signal }: Context,
): Promise<ExitCode> {
  if (resumeFrom !== undefined) throw args.wrong('--estimate is for a new training: leave out --resume.');
  const { forecastTraining } = await import('../../training/forecast/trainingForecast');
  const { runFoldersOf } = await import('../../training/forecast/measuredRate');
  const runFolders = await runFoldersOf(resolve(baseFolder, recipe.work_dir));
  const forecast = await forecastTraining(recipe, { baseFolder, runFolders, measures: args.has('measure'), signal });
  screen.printJson(forecast);
  screen.print(...forecastText(forecast));
  return 0;
}

interface Training {
  readonly recipe: ResolvedRecipe;
  readonly baseFolder: string;
  readonly recipeFile?: string;
  readonly resumeFrom?: string;
}

async function whatToTrain(args: Arguments, context: Context): Promise<Training> {
  const { screen } = context;
  const { recipeOf, recipeOptions: options } = await import('../recipeArguments');
  const file = args.positionals[0];
  const resume = args.text('resume');
  if (resume !== undefined) refuseUnused(args, Object.keys(options), resume !== NEWEST_RUN);
  if (resume !== undefined && resume !== NEWEST_RUN) {
    const { readRun } = await import('../../runs/runFolder');
    const run = resolve(resume);
    const { recipe, record } = await readRun(run);
    if (file !== undefined && resolve(file) !== record.recipe?.file) {
      screen.note(`note: the run did not start from ${file}. It continues with its own copy of its recipe.`);
    }
    // The run keeps its own recipe; only the device and the number of threads may change.
    const { setPath } = await import('../../protocol/recipe');
    const set = (field: string) => (args.has(field) ? [`${field}=${args.text(field)}`] : []);
    const changes = [...set('device'), ...set('threads')];
    return {
      recipe: changes.reduce((changed, change) => setPath(changed, change), recipe),
      baseFolder: run,
      resumeFrom: run,
    };
  }
  const { recipe, baseFolder, notes } = await recipeOf(args, file, context, resume === undefined);
  for (const note of notes) screen.note(`note: ${note}`);
  if (resume === undefined) return { recipe, baseFolder, recipeFile: file };
  const { newestResumableRun } = await import('../resumableRun');
  return { recipe, baseFolder, resumeFrom: await newestResumableRun(recipe, baseFolder) };
}

/** The flags that `--resume` accepts: where the run continues and, if no run is named, which run it is. */
const RESUME_FLAGS = ['device', 'threads'];
const FINDING_FLAGS = ['model', 'train', 'output', 'task'];

/** Refuses flags that would change the recipe of a resumed run, instead of ignoring them. */
function refuseUnused(args: Arguments, flags: readonly string[], isNamed: boolean): void {
  const of = isNamed ? RESUME_FLAGS : [...RESUME_FLAGS, ...FINDING_FLAGS];
  const unused = flags.filter((flag) => args.has(flag) && !of.includes(flag)).map((flag) => `--${flag}`);
  if (unused.length === 0) return;
  const used = of.map((flag) => `--${flag}`).join(', ');
  throw args.wrong(
    `A resumed run keeps its recipe: ${unused.join(', ')} cannot be used with --resume (only ${used}). Start a new run to change ${unused.length === 1 ? 'it' : 'them'}.`,
  );
}

/** Prints a training: a progress bar, a line for each evaluation, and the result. */
class TrainingView {
  private smoothedLoss: number | undefined;
  private bestValue: number | undefined;
  private lastStep = 0;

  constructor(
    private readonly screen: Screen,
    private readonly recipe: ResolvedRecipe,
    private readonly improves: (name: MetricName, value: number, best: number | undefined) => boolean,
  ) {}

  report(report: TrainingReport): void {
    this.screen.printJson(report);
    // The loss of single batches varies much, so the bar shows a moving average.
    this.smoothedLoss = this.smoothedLoss === undefined ? report.loss : 0.95 * this.smoothedLoss + 0.05 * report.loss;
    this.lastStep = report.step;
    const { step, totalSteps, epoch, learningRate, examplesPerSecond, secondsLeft } = report;
    const epochs = this.recipe.train.max_epochs;
    this.screen.progress(
      step / totalSteps,
      [
        `epoch ${Math.min(epochs, Math.floor(epoch) + (step < totalSteps ? 1 : 0))}/${epochs}`,
        `step ${integer(step)}/${integer(totalSteps)}`,
        `loss ${decimal(this.smoothedLoss, 3)}`,
        `${integer(examplesPerSecond)} examples/s`,
        `${duration(secondsLeft)} left`,
        `lr ${learningRate.toExponential(1)}`,
      ].join('  '),
    );
  }

  preparation({ doneBytes, totalBytes, secondsLeft }: PreparationProgress): void {
    this.screen.progress(doneBytes / Math.max(1, totalBytes), `preparing texts  ${duration(secondsLeft)} left`);
  }

  evaluationProgress({ split, done, total, secondsLeft }: EvaluationProgress): void {
    const rows = `${integer(done)} of ${integer(total)} ${split} rows predicted`;
    this.screen.progress(done / total, `${rows}  ${duration(secondsLeft)} left`);
  }

  evaluation(report: EvaluationReport): void {
    this.screen.printJson(report);
    const metric = this.recipe.train.metric_for_best;
    const value = metricOf(report.evaluation, metric) ?? NaN;
    const isBest = this.improves(metric, value, this.bestValue);
    if (isBest) this.bestValue = value;
    const where = `step ${integer(report.step).padStart(6)}  epoch ${report.epoch.toFixed(2)}`;
    this.screen.print(`${where}  ${evaluationLine(report.evaluation)}${isBest ? '  ← best' : ''}`);
  }

  end(result: TrainingResult, seconds: number): void {
    const { screen } = this;
    const { run, model, best, test, testError, predictions, noBest, trainingEnd, randomStart, status } = result;
    const { words: _, ...failure } = testError ?? { code: '', message: '' };
    screen.printJson({
      run,
      model,
      best,
      ...(trainingEnd?.reason === 'earlyStop' && { trainingEnd }),
      ...(noBest && { noBest: noBest.message }),
      ...(test && { test }),
      ...(testError && { testError: failure }),
      ...(predictions !== undefined && { predictions }),
      ...(randomStart && { randomStart }),
      status,
    });
    if (status === 'stopped') {
      const where = trainingEnd ? 'during the final test' : `after step ${integer(this.lastStep)}`;
      screen.note(`Stopped ${where}; a checkpoint is saved. Continue with:`);
      screen.note(`  medtext finetune --resume ${shellQuoted(run)}`);
      return;
    }
    if (testError) screen.note(`warning: the test data were not evaluated: ${testError.code}: ${testError.message}`);
    if (best?.evaluation) {
      screen.print('', `Best: ${best.metric} ${decimal(best.value)} at step ${integer(best.step)}`, '');
      screen.print(...evaluationText(best.evaluation as EvaluationMetrics));
    }
    if (test) screen.print('', 'On the test data:', '', ...evaluationText(test));
    screen.print(
      '',
      ...properties([
        ['model', model],
        ...(predictions === undefined ? [] : [['predictions', predictions] as const]),
        ['run', run],
        ...(randomStart ? [['start', 'random weights, because the model folder has none'] as const] : []),
        ['time', `${duration(seconds)}, ${counted(this.lastStep, 'step')}`],
      ]),
    );
  }
}
