import type { CosinePlace, MarkedEntity, PairScore } from '../../protocol/scorer';
import { cutTo, withoutControls } from '../../base/plainText';
import type { Translate } from '../../base/translate';
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
  /** What the data file gives, for `row`. */
  readonly givenLabel?: string;
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
  const { score, modelName, reference, givenLabel } = content;
  const entries = Object.entries(score.probabilities);
  const predicted = entries.reduce<[string, number] | undefined>(
    (best, entry) => (best === undefined || entry[1] > best[1] ? entry : best),
    undefined,
  );
  const isNearest = content.kind === 'nearest';
  const lines = [
    `**MedText Lab** · ${isNearest ? t('nearest in this document, by cosine') : numbers(content.isSingle ? { ...score, similarity: null } : score, t).join(' · ') || t('class probabilities')}`,
  ];
  if (!isNearest && score.place) lines.push(placeText(score.place, t));
  if (isNearest) {
    lines.push((content.nearest ?? []).map(({ text, score: { similarity } }, i) => `${i + 1}. **${similarity?.toFixed(3)}** ${quoted(text)}`).join('\n')); // prettier-ignore
    if (score.place) lines.push(t('The first: {0}', placeText(score.place, t)));
    lines.push(t('A cosine is no probability. A model fine-tuned on pairs judges better.'));
  } else if (content.kind === 'reference') lines.push(t('Reference: {0}', quoted(reference ?? '')));
  else if (score.chosen) lines.push(severalText(score.chosen, givenLabel, t));
  else if (predicted) {
    const label = `\`${code(predicted[0])}\``;
    if (givenLabel === undefined) lines.push(t('Predicted {0}', label));
    else if (givenLabel === predicted[0]) lines.push(`${t('Predicted {0}', label)} · ${t('as given')} ✓`);
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

/** The labels whose probability reaches their threshold, and what the file gives. */
function severalText(chosen: readonly string[], given: string | undefined, t: Translate): string {
  const labels = chosen.map((label) => `\`${code(label)}\``).join(' ');
  const predicted = chosen.length === 0 ? t('No label reaches its threshold') : t('Predicted {0}', labels);
  return given === undefined ? predicted : `${predicted} · ${t('given {0}', given === '' ? t('none') : `\`${code(given)}\``)}`; // prettier-ignore
}

/** The similarity, where there is one; and what a regression predicts, which may lie beyond its scale. */
function numbers({ similarity, measure, logits }: PairScore, t: Translate): string[] {
  if (measure === 'classes') return [t('class probabilities')];
  if (measure === 'labels') return [t('probability of each label')];
  return [
    ...(similarity === null
      ? []
      : [`${measure === 'cosine' ? t('cosine') : t('similarity')} **${similarity.toFixed(3)}**`]),
    ...(measure === 'regression' ? [`${t('prediction')} **${logits[0].toFixed(3)}**`] : []),
  ];
}

/** Where a cosine stands in the model's reference distribution. */
function placeText({ random, same }: CosinePlace, t: Translate): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return t('above {0} of random pairs and {1} of pairs that mean the same', percent(random), percent(same));
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
