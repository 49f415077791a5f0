import { MedTextError, words } from '../base/errors';
import type { ModelFolder } from '../models/modelFolder';
import { disturbanceOf, LOSS_WORK } from '../protocol/lossWork';
import { resolveRecipe, type ResolvedRecipe } from '../protocol/recipe';
import { describeTask } from '../protocol/tasks';
import { adversarial, type AdversarialOptions } from '../tasks/losses/adversarial';
import { fgm } from '../tasks/losses/fgm';
import { rDrop } from '../tasks/losses/rDrop';
import type { Objective, OutputObjective } from '../tasks/objective';
import type { StepMaterial } from './runMaterial';

/** SbertConfig's of modelscope 1.36.3, models/nlp/structbert/configuration.py; an absent bound is two deviations. */
const PUBLISHED = { adv_grad_factor: 5e-5, sigma: 5e-6 };
const STRUCTBERT = new Set(['structbert', 'sbert']);

/**
 * The recipe with `train.adversarial` as the run has it: what the recipe says, else ModelScope's default, which a StructBERT
 * that learns to classify has unless its config.json says `"adv_grad_factor": null`.
 */
export function withDisturbance(recipe: ResolvedRecipe, material: StepMaterial): ResolvedRecipe {
  const { train } = recipe;
  if (train.adversarial !== undefined) return recipe;
  const isOther = train.fgm || train.r_drop || describeTask(recipe.task).refuses.adversarial || material.model.graph;
  // Resolved again, so that the fields keep the schema's order.
  return resolveRecipe({ ...recipe, train: { ...train, adversarial: isOther ? null : modelDefault(material.folder) } });
}

function modelDefault({ config, rawConfig }: ModelFolder): AdversarialOptions | null {
  const { medtext } = rawConfig as { medtext?: { source_model_type?: unknown } | null };
  const isStructBert = STRUCTBERT.has(config.modelType) || STRUCTBERT.has(String(medtext?.source_model_type));
  if (!isStructBert || rawConfig.adv_grad_factor === null) return null;
  const numberOr = (value: unknown, other: number) =>
    typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : other;
  const sigma = numberOr(rawConfig.sigma, PUBLISHED.sigma);
  return {
    adv_grad_factor: numberOr(rawConfig.adv_grad_factor, PUBLISHED.adv_grad_factor),
    adv_bound: numberOr(rawConfig.adv_bound, 2 * sigma),
    sigma,
  };
}

/**
 * The objective, over `base` where the recipe disturbs it.
 * @throws MedTextError UNSUPPORTED for an encoder that is an ONNX graph, whose word embeddings are not known, and for half
 * precision and TF32 on a device, in which a disturbance is rounded away.
 */
export function disturbed(base: OutputObjective, recipe: ResolvedRecipe, material: StepMaterial): Objective {
  const kind = disturbanceOf(recipe);
  if (!kind) return base;
  const { train, device } = recipe;
  if (kind !== 'r_drop' && material.model.graph) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`train.${kind} changes word embeddings, but ${material.folder.path} is an ONNX graph, in which they cannot be found. Set train.${kind} to null, or start from a model in another format.`,
      { field: `train.${kind}` },
    );
  }
  const { precision = 'float32' } = train;
  if (kind !== 'r_drop' && precision !== 'float32' && device !== 'cpu') {
    throw new MedTextError(
      'UNSUPPORTED',
      words`train.precision "${precision}" is too coarse for the perturbation of train.${kind}, which is rounded to nothing. Set train.precision to float32, or train.${kind} to null.`,
      { field: `train.${kind}`, precision },
    );
  }
  if (train.adversarial) return adversarial(base, train.adversarial, material.labels.length);
  return train.fgm ? fgm(base, train.fgm) : rDrop(base, train.r_drop!);
}

/** The work of a step beside that of a plain one. */
export function workOf(recipe: ResolvedRecipe): number {
  const kind = disturbanceOf(recipe);
  return kind ? LOSS_WORK[kind] : 1;
}

/** What a run says of its loss before it begins; undefined of a plain one. */
export function disturbanceLine(recipe: ResolvedRecipe, isOwnChoice: boolean): string | undefined {
  const kind = disturbanceOf(recipe);
  if (!kind) return undefined;
  const why = isOwnChoice ? '' : ', the default for a StructBERT, as in ModelScope; null switches it off';
  return `train.${kind} is on (${JSON.stringify(recipe.train[kind])})${why}: a step takes about ${LOSS_WORK[kind].toFixed(1)} times as much work as without it.`;
}
