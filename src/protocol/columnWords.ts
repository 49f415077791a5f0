import type { Translate } from '../base/translate';
import type { ShownColumn } from './scorer';

/** A description of a column's values, which shows a person why the column is offered or not. */
export function contentText(
  { kind, distinct, values }: Pick<ShownColumn, 'kind' | 'distinct' | 'values'>,
  t: Translate,
): string {
  switch (kind) {
    case 'class':
      return t('{0} different values', distinct);
    case 'text':
      return distinct === values ? t('texts, all different') : t('texts, {0} different', distinct);
    case 'number':
      return t('numbers, {0} different', distinct);
    case 'identifier':
      return t('numbers or names the rows');
    case 'time':
      return t('times');
    case 'bookkeeping':
      return t('about the labelling');
    case 'link':
      return t('links');
    case 'nested':
      return t('lists or objects');
    case 'empty':
      return t('no values');
  }
}
