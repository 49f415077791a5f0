import type { Translate } from '../../src/base/translate';
import { isTextFormat } from '../../src/protocol/dataFormat';
import type {
  ColumnType,
  Finding,
  PredictedNumber,
  PreviewState,
  RowFilter,
  RowSort,
} from '../../src/protocol/datasetPreview';

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** A model's number with its name. @param name absent of a similarity */
export function numberText(name: PredictedNumber | undefined, value: string, t: Translate): string {
  if (name === undefined) return t('similarity {0}', value);
  return { prediction: t('prediction {0}', value), score: t('score {0}', value), cosine: t('cosine {0}', value) }[name];
}

/** A number of the data with at most four significant digits, or a whole number as it is. */
export function shortNumber(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e6 ? String(value) : value.toLocaleString('en-US');
  return Number(value.toPrecision(4)).toString();
}

/** A share of rows in per cent. It is '< 0.1 %' rather than 0, and '> 99.9 %' rather than 100, if some rows differ. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '–';
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.1) return '< 0.1 %';
  if (part < whole && percent > 99.9) return '> 99.9 %';
  return `${percent >= 10 || Number.isInteger(percent) ? Math.round(percent * 10) / 10 : percent.toFixed(1)} %`;
}

function sizeText(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(sizeBytes) / 10));
  const size = sizeBytes / 2 ** (10 * power);
  return `${size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[power - 1]}`;
}

export function typeText(type: ColumnType, t: Translate): string {
  const words: Readonly<Record<ColumnType, string>> = {
    text: t('text'),
    category: t('category'),
    number: t('number'),
    boolean: t('true or false'),
    json: t('list or object'),
    mixed: t('mixed'),
    empty: t('empty'),
  };
  return words[type];
}

export function formatText({ format, encoding, sizeBytes }: NonNullable<PreviewState['file']>): string {
  const names = { json: 'JSON', jsonl: 'JSON Lines', csv: 'CSV', tsv: 'TSV', text: 'TXT', conll: 'CoNLL', xlsx: 'XLSX', parquet: 'Parquet', brat: 'brat' }; // prettier-ignore
  const hasEncoding = isTextFormat(format);
  return [names[format], ...(hasEncoding ? [encoding.toUpperCase()] : []), sizeText(sizeBytes)].join(' · ');
}

/** The severity of a finding. A problem harms training or scores, 'look' may harm them, a fact does not. */
export type Severity = 'problem' | 'look' | 'fact';

export interface FindingWords {
  readonly title: string;
  readonly hint: string;
  readonly severity: Severity;
}

export function findingWords(
  finding: Finding,
  maxLength: number | null,
  recipe: PreviewState['recipe'],
  t: Translate,
): FindingWords {
  const split = finding.split ?? '';
  switch (finding.kind) {
    case 'badRows':
      return {
        title: t('Unreadable rows'),
        hint: recipe?.onBadRow === 'skip' ? t('The recipe leaves them out.') : t('Training stops at them.'),
        severity: recipe?.onBadRow === 'skip' ? 'look' : 'problem',
      };
    case 'missingLabels':
      return {
        title: t('Rows without a label'),
        hint: t('Map the empty label, or drop these rows.'),
        severity: 'look',
      };
    case 'emptyInputs':
      return { title: t('Inputs without text'), hint: t('The model cannot learn from such rows.'), severity: 'look' };
    case 'duplicates':
      return { title: t('Exact duplicates'), hint: t('The same texts with the same label.'), severity: 'look' };
    case 'nearDuplicates':
      return { title: t('Near duplicates'), hint: t('These texts differ only in width, case, spaces and punctuation.'), severity: 'look' }; // prettier-ignore
    case 'equalSides':
      return { title: t('Pairs of a text with itself'), hint: t('Both sides are the same.'), severity: 'look' };
    case 'swappedPairs':
      return { title: t('Pairs in both orders'), hint: t('The same two texts in both orders.'), severity: 'look' };
    case 'contradictions':
      return {
        title: t('Contradictory labels'),
        hint: t('The same texts with different labels.'),
        severity: 'problem',
      };
    case 'overlap':
      return { title: t('Also in {0}', split), hint: t('Rows that two splits share make scores look better than they are.'), severity: 'problem' }; // prettier-ignore
    case 'nearOverlap':
      return { title: t('Almost the same in {0}', split), hint: t('These texts differ only in width, case, spaces and punctuation.'), severity: 'problem' }; // prettier-ignore
    case 'majorityBaseline':
      return { title: t('Majority baseline'), hint: t('The score of a model that always predicts the most frequent label.'), severity: 'fact' }; // prettier-ignore
    case 'misplacedEntities':
      return { title: t('Entities whose text is not at their place'), hint: t('Training stops at these entities. With "on_bad_row": "skip" it leaves them out.'), severity: 'problem' }; // prettier-ignore
    case 'normalizedEntities':
      return { title: t('Entities in another case or width'), hint: t('These entities are kept. The text at their place counts.'), severity: 'look' }; // prettier-ignore
    case 'overlappingEntities':
      return { title: t('Overlapping entities'), hint: t('A tagging model keeps the longer entity. A span model ("model_head": {"type": "spans"}) keeps both.'), severity: 'look' }; // prettier-ignore
    case 'contradictoryEntities':
      return { title: t('One span with several types'), hint: t('A tagging model keeps the first type.'), severity: 'problem' }; // prettier-ignore
    case 'overlong':
      return { title: maxLength === null ? t('Too long for the model') : t('Longer than {0} tokens', maxLength), hint: t('The model reads only the beginning of these texts.'), severity: 'look' }; // prettier-ignore
  }
}

/** The words of a filter in a chip. `value` stands apart, because the view isolates texts of the data. */
export interface ChipWords {
  readonly name: string;
  readonly relation: string;
  readonly value: string;
}

export function filterWords(filter: RowFilter, titleOfFinding: (id: string) => string, t: Translate): ChipWords {
  switch (filter.kind) {
    case 'value': {
      const values = [...filter.values.map((value) => (value === '' ? '""' : value)), ...(filter.missing ? [t('(missing)')] : [])]; // prettier-ignore
      return { name: filter.column, relation: filter.exclude ? '≠' : '=', value: values.join(t(' or ')) };
    }
    case 'range': {
      const words = { value: '', characters: t('characters'), tokens: t('tokens') };
      const name = filter.column ?? t('example');
      const range = rangeText(filter, filter.measure !== 'value');
      return { name: [name, words[filter.measure]].filter(Boolean).join(' · '), relation: '', value: range };
    }
    case 'finding':
      return { name: '', relation: '', value: titleOfFinding(filter.id) };
    case 'bad':
      return { name: '', relation: '', value: t('Unreadable rows') };
    case 'disagreement':
      return { name: '', relation: '', value: t('Prediction ≠ label') };
    case 'rows':
      return { name: '', relation: '', value: filter.title };
    case 'predicted':
      return { name: t('Prediction'), relation: '=', value: filter.label };
  }
}

/** The range of a bar. For whole numbers, such as lengths, it names the first and the last one. */
export function rangeText(
  { from, to, closed }: { readonly from: number; readonly to: number; readonly closed: boolean },
  isWhole: boolean,
): string {
  if (!isWhole) return `${shortNumber(from)} – ${closed ? '' : '< '}${shortNumber(to)}`;
  const first = Math.ceil(from);
  const last = closed ? Math.floor(to) : Math.ceil(to) - 1;
  return first >= last ? String(first) : `${shortNumber(first)}–${shortNumber(last)}`;
}

export function sortWords(sort: RowSort, t: Translate): ChipWords {
  const arrow = 'descending' in sort && sort.descending ? '↓' : '↑';
  switch (sort.kind) {
    case 'column': {
      const measures = { value: '', characters: t('characters'), tokens: t('tokens') };
      return { name: [sort.column, measures[sort.measure]].filter(Boolean).join(' · '), relation: arrow, value: '' };
    }
    case 'similarity':
      return { name: t('Similarity'), relation: arrow, value: '' };
    case 'probability':
      return { name: t('Probability'), relation: arrow, value: '' };
    case 'disagreement':
      return { name: t('Disagreements first'), relation: '', value: '' };
  }
}
