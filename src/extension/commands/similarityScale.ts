/** Which label means that two texts are alike: asked where the labels' names do not tell. */
import { join } from 'node:path';
import { window } from 'vscode';
import { writeFileAtomically } from '../../base/atomicFile';
import { MedTextError, words } from '../../base/errors';
import { readTextFile } from '../../base/textFile';
import type { Translate } from '../../base/translate';
import { impliedScores } from '../../protocol/labelScheme';
import type { ListedModel } from '../modelStore';
import type { Services } from '../services';
import { scoringModel } from './modelCommands';

/** A bound on labels: nobody orders more of them by picking one after the other. */
const maxAsked = 8;

/** Whether there is a question, and few enough labels to ask it. */
export const isScaleOpen = (labels: readonly string[]): boolean =>
  labels.length >= 2 && labels.length <= maxAsked && impliedScores(labels) === undefined;

/**
 * What each label counts for in a similarity, asked one pick after the other, the label of the most alike texts first.
 * `null`: the labels are no scale, only classes; undefined when the person gave up.
 */
export async function askScale(
  labels: readonly string[],
  t: Translate,
): Promise<Readonly<Record<string, number>> | null | undefined> {
  const order: string[] = [];
  while (order.length < labels.length - 1) {
    const left = labels.filter((label) => !order.includes(label));
    const none = { label: `$(circle-slash) ${t('No similarity: the labels are classes only')}`, value: null };
    const title =
      order.length === 0
        ? t('Which label means that both texts have the same meaning?')
        : t('Which label comes next, for texts less similar than “{0}”?', order.at(-1)!);
    const items = left.map((label) => ({ label, value: label as string | null }));
    const choice = await window.showQuickPick(order.length === 0 ? [...items, none] : items, { title });
    if (!choice) return undefined;
    if (choice.value === null) return null;
    order.push(choice.value);
  }
  order.push(labels.find((label) => !order.includes(label))!);
  return Object.fromEntries(order.map((label, place) => [label, 1 - place / (order.length - 1)]));
}

/** Asks it of the active model and writes the answer into its config.json, where every program of ours reads it. */
export async function sayScale(services: Services): Promise<void> {
  const { scorer, models, t } = services;
  const model = await scoringModel(services);
  if (!model) return;
  const scores = await askScale(await labelsOf(model), t);
  if (scores === undefined) return;
  const file = join(model.folder, 'config.json');
  const config = JSON.parse(await readTextFile(file)) as { medtext?: Record<string, unknown> };
  const { label_scores: before, ...others } = config.medtext ?? {};
  // Classes only, as it was.
  if (scores === null && before === undefined) return;
  const changed = { ...config, medtext: { ...others, ...(scores && { label_scores: scores }) } };
  await writeFileAtomically(file, `${JSON.stringify(changed, undefined, 2)}\n`);
  // It has the model open as it was.
  await scorer.renew();
  models.refresh();
}

async function labelsOf({ folder, name }: ListedModel): Promise<string[]> {
  const config = JSON.parse(await readTextFile(join(folder, 'config.json'))) as { id2label?: Record<string, unknown> }; // prettier-ignore
  const labels = Object.entries(config.id2label ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => String(label));
  if (labels.length < 2)
    throw new MedTextError('UNSUPPORTED', words`${name} has no labels that could form a scale of similarity.`);
  if (labels.length > maxAsked) throw new MedTextError('UNSUPPORTED', words`${name} has ${labels.length} labels. Write the score of each label into config.json, as medtext.label_scores.`); // prettier-ignore
  return labels;
}
