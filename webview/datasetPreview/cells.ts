import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import type { Cell, Prediction, PreviewState, ShownRow } from '../../src/protocol/datasetPreview';
import { entityContent, typeColors, type ShownEntity } from '../shared/entityText';
import { styleProperties } from '../shared/styleProperties';
import { differences, sharesLittle, type Differences, type Stretch } from '../similarityPanel/differences';
import { searchStretches } from './searchMarks';

// Of longer texts a person reads the text; marking them would cost more than it tells.
const maxMarkedLength = 1000;
const known = new WeakMap<ShownRow, { readonly key: string; readonly marks: Differences | undefined }>();

/** Where the two inputs of a row differ; undefined where marks would say nothing. Computed once a row. */
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

/** A text of the file: text nodes in an isolated element, whatever it contains; what was searched for marked first. */
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
  /** Place of the label among the labels; undefined: not a cell of the label column. */
  readonly labelIndex: number | undefined;
  /** Of the text, in its order. */
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

/** The colour of a label, the same wherever it stands; of many labels the colours repeat, their names do not. */
export function labelDot(index: number): TemplateResult {
  return html`<span class="dot color-${index < 0 ? 'none' : index % typeColors}" aria-hidden="true"></span>`;
}

/** Whether the model says another label than the file; false while either is unknown. */
export function disagrees(prediction: Prediction | null, given: string | null | undefined): boolean {
  if (prediction?.label == null || given == null || given === '') return false;
  return prediction.label !== given;
}

/** The predicted label with its probability, or the similarity that a regression gives. */
export function predictionContent(
  { label, probability, similarity }: Prediction,
  options: { readonly labelIndex: number; readonly differs: boolean },
  t: Translate,
): TemplateResult {
  const value = probability ?? similarity;
  const share = `${(100 * Math.min(1, Math.max(0, value ?? 0))).toFixed(1)}%`;
  return html`
    ${label === null ? nothing : html`${labelDot(options.labelIndex)}<bdi>${label}</bdi>`}
    ${options.differs ? html`<span class="differs" title=${t('differs from the label given')}>≠<span class="for-readers">${t('differs from the label given')}</span></span>` : nothing}
    <span class="bar" aria-hidden="true"><span ${styleProperties({ width: share })}></span></span>
    <span class="number quiet">${value === null ? '' : value.toFixed(2)}</span>
  `; // prettier-ignore
}
