/** What a lit template says, without a page: its markup with the values in their places. */
interface Directive {
  readonly _$litDirective$: unknown;
  readonly values: readonly unknown[];
}

/** Values of attributes that are functions (listeners) say nothing; `repeat` says what its template says of each item. */
export function templateText(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'symbol' || typeof value === 'function') return '';
  if (Array.isArray(value)) return value.map(templateText).join('');
  if (typeof value !== 'object') return String(value);
  if ('_$litDirective$' in value) {
    const { values } = value as Directive;
    const template = values.at(-1);
    if (Array.isArray(values[0]) && typeof template === 'function') {
      return values[0].map((item, index) => templateText((template as (item: unknown, index: number) => unknown)(item, index))).join(''); // prettier-ignore
    }
    return values[0] !== null && typeof values[0] === 'object' ? JSON.stringify(values[0]) : templateText(values[0]);
  }
  const { strings, values } = value as { strings: readonly string[]; values: readonly unknown[] };
  return strings.map((text, i) => text + templateText(values[i])).join('');
}
