import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { messageAndWords, type Words } from '../base/words';
import type { ClassifierRunner } from '../inference/classifierRunner';
import { isKnownToTransformers } from '../models/encoder';
import { writeGraphFolder } from '../models/writeGraphFolder';
import { ORIGIN_FIELD, writeModelFolder } from '../models/writeModelFolder';
import type { EvaluationMetrics } from '../protocol/evaluation';
import type { ResolvedRecipe } from '../protocol/recipe';
import type { RunRecord } from '../protocol/runRecord';
import { describeTask } from '../protocol/tasks';
import type { RunCounters } from '../runs/checkpoints';
import { writeHeldOutPredictions } from '../runs/heldOutPredictions';
import { renderModelCard } from '../runs/modelCard';
import type { RunLock } from '../runs/runLock';
import type { LossRunner } from '../steps/lossRunner';
import { improves, metricValue } from '../tasks/evaluationReport';
import type { RunMaterial } from './runMaterial';
import type { RunReporter } from './runReporter';
import type { TrainingPlan } from './trainingPlan';

type Chosen = Omit<RunCounters, 'step'>;

export interface BestModelSetUp {
  readonly lock: RunLock;
  readonly recipe: ResolvedRecipe;
  readonly material: RunMaterial;
  readonly plan: TrainingPlan;
  readonly runner: ClassifierRunner;
  /** Runs the losses of a task that is measured by them. */
  readonly losses: LossRunner | undefined;
  readonly reporter: RunReporter;
  /** What the card tells of the run. */
  readonly record: () => RunRecord;
  readonly log: (line: string) => void;
  /** The counters of the checkpoint that the run continues from. */
  readonly counters: RunCounters | undefined;
}

/** The model that a run ends with: chosen by the validation data, kept with what it says of them. */
export class BestModel {
  private chosen: Chosen;

  constructor(private readonly run: BestModelSetUp) {
    const { best = null, evaluationsWithoutGain = 0, evaluatedStep = 0 } = run.counters ?? {};
    this.chosen = { best, evaluationsWithoutGain, evaluatedStep };
  }

  /** What of it a checkpoint keeps. */
  get counters(): Chosen {
    return this.chosen;
  }

  get patienceIsOver(): boolean {
    const { early_stopping: early } = this.run.recipe.train;
    return early !== null && this.chosen.evaluationsWithoutGain >= early.patience;
  }

  /** Why none of the evaluations chose a model; undefined where one did, or there is nothing to choose by. */
  get noBest(): RunRecord['noBest'] {
    const { material, recipe } = this.run;
    return material.validation && this.chosen.best === null ? messageAndWords(nothingToChooseBy(recipe.train.metric_for_best)) : undefined; // prettier-ignore
  }

  /** The parameters as they are; the best so far become the run's model. @param step optimiser steps done */
  async evaluate(step: number): Promise<void> {
    const { recipe, plan, reporter, log } = this.run;
    const { evaluation, answers } = await this.validated();
    const report = { step, epoch: plan.epochOf(step), evaluation };
    reporter.evaluation(report);

    const { metric_for_best: metric, early_stopping: early } = recipe.train;
    const value = metricValue(evaluation, metric);
    const { best, evaluationsWithoutGain, evaluatedStep } = this.chosen;
    const isBest = improves(metric, value, best?.value);
    const gained = improves(metric, value, best?.value, early?.min_delta ?? 0);
    // Without any value there is nothing that could be gained on: patience begins with the first.
    const waited = gained || (best === null && !isBest) ? 0 : evaluationsWithoutGain + 1;
    if (Number.isNaN(value) && evaluatedStep === 0) log(String(nothingToChooseBy(metric)));
    this.chosen = {
      best: isBest ? { step, metric, value, evaluation } : best,
      evaluationsWithoutGain: waited,
      evaluatedStep: step,
    };
    if (isBest) {
      await this.save(step);
      if (answers) await this.keepPredictions(step, answers);
    }
    reporter.evaluated(report);
  }

  /** A checkpoint knows the model in its place by now. */
  async settled(): Promise<void> {
    await rm(this.run.lock.folder.modelBefore, { recursive: true, force: true }).catch((error: unknown) => {
      throw asMedTextError(error);
    });
  }

  /**
   * After a kill between a model and the checkpoint that knows it: the model is again the one that the checkpoint knows.
   * On the CPU the steps that are computed anew would choose the later one again; on another device they might not.
   * @throws MedTextError RESUME when the best model is gone; IO.
   */
  async restore(): Promise<void> {
    const { model, modelBefore, heldOutPredictionsFile } = this.run.lock.folder;
    const { best } = this.chosen;
    try {
      if (existsSync(modelBefore) && best !== null && (await stepOf(model)) !== best.step) {
        await rm(model, { recursive: true, force: true });
        await rename(modelBefore, model);
        await rm(heldOutPredictionsFile, { force: true });
      }
    } catch (error) {
      throw asMedTextError(error);
    }
    await this.settled();
    if (best !== null && !existsSync(model)) {
      throw new MedTextError('RESUME', words`${model} is missing. It was the best model of this run (step ${best.step}), and its weights are stored nowhere else. Start a new run of the recipe.`, { model }); // prettier-ignore
    }
  }

  /** The parameters as they are, as the run's model. */
  async save(step: number): Promise<void> {
    const { lock, recipe, material } = this.run;
    const { folder, labels, columns, parameters, maxLength, model, definition, clean } = material;
    lock.refuseMoved();
    const contents = {
      config: folder.config,
      head: model.network.head,
      ...(columns.length > 0 && { labels: columns }),
      problemType: describeTask(recipe.task).problemType,
      task: describeTask(recipe.task).hubTask ?? recipe.task,
      copies: folder.tokenizerFiles,
      usage: {
        task: recipe.task,
        max_length: maxLength,
        run: lock.folder.id,
        step,
        ...(clean.length > 0 && { clean }),
        ...(describeTask(recipe.task).second === 'optional' && {
          reads_pairs: material.train.data!.columns.second !== undefined,
        }),
        ...definition.usage({ split: recipe.dataset.train, labels, data: material.train.data!, recipe, evaluation: this.evaluationOf(step) }), // prettier-ignore
      },
      extraFiles: { 'README.md': this.card(step) },
    } as const;
    const keepOldAs = lock.folder.modelBefore;
    if (!model.graph) await writeModelFolder(lock.folder.model, { ...contents, parameters }, { keepOldAs });
    else await writeGraphFolder(lock.folder.model, { ...contents, labels: columns, model: model.graph.trainedModel(parameters), rawConfig: folder.rawConfig }, { keepOldAs }); // prettier-ignore
  }

  private evaluationOf(step: number): EvaluationMetrics | undefined {
    return this.run.reporter.evaluations.find((report) => report.step === step)?.evaluation;
  }

  /** The card tells the whole run, so it is written again when the run has ended. */
  async saveCard(step: number): Promise<void> {
    this.run.lock.refuseMoved();
    await writeFileAtomically(resolve(this.run.lock.folder.model, 'README.md'), this.card(step));
  }

  /** With the answers to each example, where the task gives any. */
  private async validated(): Promise<{ evaluation: EvaluationMetrics; answers?: readonly unknown[] }> {
    if (this.run.losses) return { evaluation: await this.validationLosses(this.run.losses) };
    const answers = await this.validationAnswers();
    return { evaluation: this.validationMetrics(answers), answers };
  }

  private async validationLosses(runner: LossRunner): Promise<EvaluationMetrics> {
    const { material, reporter } = this.run;
    const { windows } = material.validation!;
    const at = (place: number) => windows.at(place, 0);
    const places = windows.lengths.map((_, place) => place);
    const sums = await runner.sums({ lengths: windows.lengths, at }, { onProgress: reporter.progressOf('validation') });
    const count = (amount: (target: unknown) => number) => places.reduce((sum, place) => sum + amount(at(place).target), 0); // prettier-ignore
    return material.definition.lossReport!({ ...sums, examples: places.length, count });
  }

  /** One an example. */
  private async validationAnswers(): Promise<readonly unknown[]> {
    const { runner, material, reporter, recipe } = this.run;
    const { labels, columns, train, validation, definition, model } = material;
    const { data, windows } = validation!;
    const { head } = model.network;
    const reading = definition.reading({
      head,
      labels,
      columns,
      examples: data!.examples,
      by: { recipe, trainedOn: train.data! },
    });
    const all = windows.lengths.map((_, place) => windows.at(place, 0));
    await runner.outputs(
      all.map(({ encoded }) => encoded),
      (at, output) => reading.take(all[at], output),
      { onProgress: reporter.progressOf('validation') },
    );
    // A device's copy would be of no use after the next step, and takes memory.
    runner.parametersChanged();
    return reading.answers();
  }

  private validationMetrics(answers: readonly unknown[]): EvaluationMetrics {
    const { labels, validation, definition } = this.run.material;
    return definition.report({ labels, examples: validation!.data!.examples, answers });
  }

  /** For who doubts labels later: these rows the model has not learned by heart. */
  private async keepPredictions(step: number, answers: readonly unknown[]): Promise<void> {
    const { labels, validation, records, definition } = this.run.material;
    if (!definition.probabilities) return;
    const { sha256, sizeBytes, sheet } = records.validation;
    const rows = validation!.data!.examples.map(({ row }) => row);
    const probabilities = answers.flatMap((answer) => [...definition.probabilities!(answer)]);
    await writeHeldOutPredictions(this.run.lock.folder, { file: { sha256, sizeBytes, ...(sheet !== undefined && { sheet }) }, labels, step, rows }, probabilities); // prettier-ignore
  }

  private card(step: number): string {
    const { recipe, plan, reporter } = this.run;
    const { folder, labels, train, validation, maxLength, parameters, records } = this.run.material;
    const { best } = this.chosen;
    const { environment, test } = this.run.record();
    return renderModelCard({
      name: this.run.lock.folder.id,
      baseModel: basename(folder.path),
      isRandomStart: this.run.material.isRandomStart,
      recipe,
      labels,
      maxLength,
      pooling: folder.config.headPooling,
      isKnownToTransformers: isKnownToTransformers(this.run.material.model.network),
      data: records,
      fields: train.data?.columns,
      parameterCount: parameters.elementCount,
      step,
      totalSteps: plan.totalSteps,
      best,
      evaluation: best?.evaluation ?? reporter.evaluations.at(-1)?.evaluation,
      test,
      evaluations: reporter.evaluations,
      environment,
      hasValidation: validation !== undefined,
    });
  }
}

function nothingToChooseBy(metric: string): Words {
  return words`${metric} cannot be computed on the validation data (too few rows, or all labels or predictions are equal). So no best step can be chosen, and the model of the last step is kept.`;
}

/** The step that a model of a run is of; undefined where it does not say. */
async function stepOf(model: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(model, 'config.json'), 'utf8'))[ORIGIN_FIELD]?.step;
  } catch {
    return undefined;
  }
}
