import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import {
  type Cell,
  type PredictedEntity,
  type Prediction,
  type PreviewState,
  type ShownRow,
} from '../../src/protocol/datasetPreview';
import { entityContent, typeColors, type ShownEntity } from '../shared/entityText';
import { styleProperties } from '../shared/styleProperties';
import { differences, sharesLittle, type Differences, type Stretch } from '../similarityPanel/differences';
import { searchStretches } from './searchMarks';

// Longer texts get no marks: finding them is slow, and few people would read them.
const maxMarkedLength = 1000;
const known = new WeakMap<ShownRow, { readonly key: string; readonly marks: Differences | undefined }>();

/**
 * Marks for the differences between the two inputs of a row, kept for each row. Undefined if the row has no two inputs,
 * or if marks would cover most of them.
 */
export function marksOf(row: ShownRow, { columns, mapping }: PreviewState): Differences | undefined {
  const key = `${mapping.first_sequence}\0${mapping.second_sequence}`;
  const found = known.get(row);
  if (found?.key === key) return found.marks;
  const text = (name: string | null): string => (name === null ? '' : (row.cells[columns.indexOf(name)]?.text ?? ''));
  const marks = differingParts(text(mapping.first_sequence), text(mapping.second_sequence));
  known.set(row, { key, marks });
  return marks;
}

function differingParts(first: string, second: string): Differences | undefined {
  if (first === '' || second === '' || first === second) return undefined;
  if (first.length > maxMarkedLength || second.length > maxMarkedLength) return undefined;
  const marks = differences(first, second);
  return sharesLittle(marks) ? undefined : marks;
}

/**
 * A text of the file, as text nodes, so that HTML in it stays text. Hits of the search are marked, otherwise
 * differences.
 */
function textContent(
  text: string,
  expression: RegExp | undefined,
  marks: readonly Stretch[] | undefined,
): TemplateResult {
  const stretches = searchStretches(text, expression);
  const isFound = stretches.some(({ hit }) => hit);
  if (isFound || !marks) {
    return html`<bdi dir="auto">${stretches.map(({ text, hit }) => (hit ? html`<mark class="hit">${text}</mark>` : text))}</bdi>`; // prettier-ignore
  }
  return html`<bdi dir="auto">${marks.map(({ text, differs }) => (differs ? html`<mark>${text}</mark>` : text))}</bdi>`;
}

export interface CellLook {
  readonly expression: RegExp | undefined;
  readonly marks: readonly Stretch[] | undefined;
  /** The label's place among all labels. Undefined outside the label column. */
  readonly labelIndex: number | undefined;
  /** The entities of the text, in the order of the text. */
  readonly entities?: readonly ShownEntity[];
}

export function entitiesOf(row: ShownRow, labels: readonly string[]): readonly ShownEntity[] | undefined {
  return row.entities?.map((entity) => ({ ...entity, index: labels.indexOf(entity.type) }));
}

export function cellContent(cell: Cell | null, look: CellLook, t: Translate): TemplateResult {
  if (cell === null) return html`<span class="missing" title=${t('missing')}>–<span class="for-readers">${t('missing')}</span></span>`; // prettier-ignore
  if (cell.text === '') return html`<span class="missing" title=${t('empty text')}>""</span>`;
  const dot = look.labelIndex === undefined ? nothing : labelDot(look.labelIndex);
  const rest =
    cell.length !== undefined && cell.length > cell.text.length ? html`<span class="quiet">…</span>` : nothing;
  const text = look.entities && !look.expression ? entityContent(cell.text, look.entities) : textContent(cell.text, look.expression, look.marks); // prettier-ignore
  return html`${dot}${text}${rest}`;
}

/** A dot in the label's colour. With more labels than colours, labels share colours. */
export function labelDot(index: number): TemplateResult {
  return html`<span class="dot color-${index < 0 ? 'none' : index % typeColors}" aria-hidden="true"></span>`;
}

/** The first text of a row. A long text is cut, as in its cell. */
export function firstText(row: ShownRow, { columns, mapping }: PreviewState): string {
  return mapping.first_sequence === null ? '' : (row.cells[columns.indexOf(mapping.first_sequence)]?.text ?? '');
}

/** A prediction: a label with its probability, a number, or entities. A number without a scale has no bar. */
export function predictionContent(
  { label, probability, similarity, number, entities, differs }: Prediction,
  /** `labels` are all labels in the order of their colours. `text` is the row's first text, which may be cut. */
  options: { readonly labels: readonly string[]; readonly text: string },
  t: Translate,
): TemplateResult {
  if (entities) return entitiesContent(entities, options, t);
  const labelIndex = options.labels.indexOf(label ?? '');
  const value = probability ?? similarity;
  const share = `${(100 * Math.min(1, Math.max(0, value ?? 0))).toFixed(1)}%`;
  return html`
    ${label === null ? nothing : html`${labelDot(labelIndex)}<bdi>${label || '–'}</bdi>`}
    ${differs ? html`<span class="differs" title=${t('differs from the label given')}>≠<span class="for-readers">${t('differs from the label given')}</span></span>` : nothing}
    ${number === 'prediction' || number === 'score' ? nothing : html`<span class="bar" aria-hidden="true"><span ${styleProperties({ width: share })}></span></span>`}
    <span class="number quiet">${value === null ? '' : value.toFixed(2)}</span>
  `; // prettier-ignore
}

/** Entities that differ from the annotation come first, because a cell shows only a few. */
const OUTCOME_ORDER: readonly PredictedEntity['outcome'][] = ['missed', 'spurious', 'same', 'found'];
const ENTITY_CHARACTERS = 20;

function entitiesContent(
  entities: readonly PredictedEntity[],
  { labels, text }: { readonly labels: readonly string[]; readonly text: string },
  t: Translate,
): TemplateResult {
  if (entities.length === 0) return html`<span class="quiet">${t('no entities')}</span>`;
  const ordered = [...entities].sort((a, b) => OUTCOME_ORDER.indexOf(a.outcome) - OUTCOME_ORDER.indexOf(b.outcome));
  const marks = {
    same: { sign: '', words: t('in the file and predicted') },
    found: { sign: '', words: t('predicted') },
    spurious: { sign: '+', words: t('predicted, not in the file') },
    missed: { sign: '−', words: t('in the file, not predicted') },
  };
  return html`${ordered.map(({ start, end, type, outcome }) => {
    const { sign, words } = marks[outcome];
    // The entity may lie behind the end of a cut text.
    const whole = end <= text.length ? text.slice(start, end) : '…';
    const said = whole.length > ENTITY_CHARACTERS ? `${whole.slice(0, ENTITY_CHARACTERS)}…` : whole;
    return html`<span class="said-entity ${outcome}" title=${`${type}: ${words}`}>
      ${sign === '' ? nothing : html`<span class="sign" aria-hidden="true">${sign}</span>`}${labelDot(labels.indexOf(type))}<bdi>${said}</bdi>
      <span class="quiet">${type}</span><span class="for-readers">${words}</span>
    </span>`;
  })}`; // prettier-ignore
}
