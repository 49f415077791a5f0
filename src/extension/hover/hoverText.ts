import type { MarkedEntity } from '../../protocol/scorer';
import { MEASURES, saidLabels, type CosinePlace, type PairScore } from '../../protocol/scores';
import { labelParts, namesInText, SEPARATORS } from '../../protocol/severalLabels';
import { cutTo, withoutControls } from '../../base/plainText';
import type { Translate } from '../../base/translate';
import { translated } from '../../base/words';
import type { ModelUse } from '../datasetPreview/modelUse';
import type { NearSentence } from './nearestSentences';

/** What a hover says, before it becomes Markdown. */
export interface HoverContent {
  readonly kind: 'reference' | 'row' | 'nearest' | 'text';
  readonly score: PairScore;
  readonly modelName: string;
  /** The pinned text, for `reference`. */
  readonly reference?: string;
  /** The nearest sentences of the document, the nearest first, for `nearest`; `score` is then the first's. */
  readonly nearest?: readonly NearSentence[];
  /** The model reads one text: there is its class, or its number, and no similarity. */
  readonly isSingle?: boolean;
  /** What the data file gives, for `row`: the label, or where a row may have several all of them. */
  readonly given?: string | readonly string[];
  /** How the model's training data were read; absent: labels are as they stand. */
  readonly reads?: Pick<ModelUse, 'labelNames' | 'noLabels' | 'separator'>;
}

/** The entities of a sentence, in its order, each with its type and probability. */
export function entitiesMarkdown(
  sentence: string,
  entities: readonly MarkedEntity[],
  modelName: string,
  links: readonly HoverLink[],
  t: Translate,
): string {
  const list = entities.slice(0, maxEntities).map(({ start, end, type, probability }) => `- ${quoted(sentence.slice(start, end))} **${escapeMarkdown(type)}** ${probability.toFixed(2)}`); // prettier-ignore
  if (entities.length > maxEntities) list.push(`- ${t('and {0} more', entities.length - maxEntities)}`);
  const footer = [t('Model: {0}', escapeMarkdown(modelName)), ...links.map(({ title, target }) => `[${title}](${target})`)]; // prettier-ignore
  return [`**MedText Lab** · ${t('{0} entities', entities.length)}`, list.join('\n'), footer.join(' · ')].join('\n\n');
}

const maxEntities = 20;

export interface HoverLink {
  readonly title: string;
  readonly target: string;
}

/** Markdown of a score: similarity, the classes as bars, model, links. Text of documents is escaped. */
export function hoverMarkdown(content: HoverContent, links: readonly HoverLink[], t: Translate): string {
  const { score, modelName, reference, given, reads } = content;
  const entries = Object.entries(score.probabilities);
  const said = saidLabels(score);
  const isNearest = content.kind === 'nearest';
  const lines = [
    `**MedText Lab** · ${isNearest ? t('most similar in this document, by cosine') : numbers(content.isSingle ? { ...score, similarity: null } : score, t).join(' · ')}`,
  ];
  if (!isNearest && score.place) lines.push(placeText(score.place, t));
  if (isNearest) {
    lines.push((content.nearest ?? []).map(({ text, score: { similarity } }, i) => `${i + 1}. **${similarity?.toFixed(3)}** ${quoted(text)}`).join('\n')); // prettier-ignore
    if (score.place) lines.push(t('The first: {0}', placeText(score.place, t)));
    lines.push(t('A cosine is not a probability. A model fine-tuned on pairs is more accurate.'));
  } else if (content.kind === 'reference') lines.push(t('Reference: {0}', quoted(reference ?? '')));
  else if (MEASURES[score.measure].saysSeveral)
    lines.push(severalText(said ?? [], givenLabels(given, Object.keys(score.probabilities), reads), t));
  else if (said) {
    const label = `\`${code(said[0])}\``;
    const raw = typeof given === 'object' ? given.join(' · ') : given;
    const givenLabel = raw && (nameOf(raw, reads) ?? '');
    if (!givenLabel) lines.push(t('Predicted {0}', label));
    else if (givenLabel === said[0]) lines.push(`${t('Predicted {0}', label)} · ${t('as given')} ✓`);
    else lines.push(`${t('Predicted {0}', label)} · ${t('given {0}', `\`${code(givenLabel)}\``)} ✗`);
  }
  if (entries.length > 1) lines.push(entries.map(([label, probability]) => bar(label, probability)).join('  \n'));
  const footer = [
    t('Model: {0}', escapeMarkdown(modelName)),
    ...links.map(({ title, target }) => `[${title}](${target})`),
  ];
  lines.push(footer.join(' · '));
  return lines.join('\n\n');
}

/** The labels whose probability reaches their threshold, and what the file gives; the order of both says nothing. */
function severalText(chosen: readonly string[], given: readonly string[] | undefined, t: Translate): string {
  const list = (labels: readonly string[]) => labels.map((label) => `\`${code(label)}\``).join(' ');
  const predicted = chosen.length === 0 ? t('No label reaches its threshold') : t('Predicted {0}', list(chosen));
  if (given === undefined) return predicted;
  const isSame = given.length === chosen.length && given.every((label) => chosen.includes(label));
  return isSame
    ? `${predicted} · ${t('as given')} ✓`
    : `${predicted} · ${t('given {0}', given.length === 0 ? t('none') : list(given))} ✗`;
}

/** The labels that a cell names: a list, or a text that a separator parts into labels of the model; any other is one label. */
function givenLabels(
  given: HoverContent['given'],
  known: readonly string[],
  reads: HoverContent['reads'],
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const named = (parts: readonly string[]) => [...new Set(parts.flatMap((part) => nameOf(part, reads) ?? []))];
  const list = typeof given === 'string' ? namesInText(given.trim()) : given;
  if (list) return named(list);
  const separators = [null, ...(reads?.separator === undefined ? [] : [reads.separator]), ...SEPARATORS];
  const ways = separators.map((separator) => named(labelParts(given as string, separator)));
  return ways.find((parts) => parts.every((part) => known.includes(part))) ?? ways[0];
}

/** The model's name of a label; undefined where its training data had it as none. */
function nameOf(raw: string, reads: HoverContent['reads']): string | undefined {
  if (reads?.noLabels.includes(raw)) return undefined;
  return reads && Object.hasOwn(reads.labelNames, raw) ? reads.labelNames[raw] : raw;
}

/** The similarity, where there is one; the model's one number, where that says more or stands alone; else what the bars below are. */
function numbers(score: PairScore, t: Translate): string[] {
  const { similarity, number, probabilities } = MEASURES[score.measure];
  const hasSimilarity = similarity && score.similarity !== null;
  const shown = [
    ...(hasSimilarity ? [`${translated(similarity.name, t)} **${score.similarity.toFixed(3)}**`] : []),
    ...(number && (number.isPrediction || !hasSimilarity) ? [`${translated(number.name, t)} **${score.logits[0].toFixed(3)}**`] : []), // prettier-ignore
  ];
  return shown.length > 0 || !probabilities ? shown : [translated(probabilities, t)];
}

/** Where a cosine stands in the model's reference distribution. */
function placeText({ random, same }: CosinePlace, t: Translate): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return t('higher than {0} of random pairs and {1} of pairs with the same meaning', percent(random), percent(same));
}

const barWidth = 12;

function bar(label: string, probability: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, probability)) * barWidth);
  return `\`${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}\` ${(probability * 100).toFixed(1)} % \`${code(label)}\``;
}

function quoted(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return `“${escapeMarkdown(short.replace(/\s+/g, ' '))}”`;
}

function code(text: string): string {
  return withoutControls(cutTo(60, text)).replace(/`/g, 'ˋ').replace(/\s+/g, ' ');
}

/** Any text as one line of Markdown that shows it. Direction marks are dropped: they could reorder what stands around. */
export function escapeMarkdown(text: string): string {
  return withoutControls(cutTo(500, text))
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()#+\-=.!|~>$:@]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;');
}
