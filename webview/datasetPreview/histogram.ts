import { html, nothing, type TemplateResult } from 'lit';
import type { Translate } from '../../src/base/translate';
import type { Distribution, Measure, ViewQuery } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import { hasRange, withRangeToggled, type Range } from './viewQueries';
import { countText, rangeText, shareText, shortNumber } from './words';

export interface HistogramOptions {
  readonly column: string | null;
  readonly measure: Measure;
  readonly query: ViewQuery;
  readonly show: (query: ViewQuery) => void;
  /** Bars of values above this limit have another colour. */
  readonly limit?: number | null;
  /** Tab skips the bars in the table's header, because the panel has the same bars. */
  readonly isInHeader?: boolean;
}

/** The bars of a distribution, with its least and greatest value. A click on a bar shows only the rows in its range. */
export function histogram(distribution: Distribution, options: HistogramOptions, t: Translate): TemplateResult {
  const { bins, min, max } = distribution;
  const { column, measure, query, show, limit, isInHeader } = options;
  const highest = Math.max(1, ...bins.map(({ count }) => count));
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const isWhole = measure !== 'value' || bins.every(({ from, to }) => Number.isInteger(from) && Number.isInteger(to));
  return html`
    <div class="histogram" role="group" aria-label=${t('Distribution; click a bar to filter by its range')}>
      ${bins.map(({ from, to, count }, index) => {
        const range: Range = { column, measure, from, to, closed: index === bins.length - 1 };
        const chosen = hasRange(query, range);
        const isOver = limit != null && (range.closed ? to > limit : to - 1 > limit) && from >= limit;
        // Every bar with rows is visible, even if it is very low.
        const height = count === 0 ? '0%' : `max(2px, ${((100 * count) / highest).toFixed(2)}%)`;
        const words = t('{0}: {1} rows ({2})', rangeText(range, isWhole), countText(count), shareText(count, total));
        return html`<button
          type="button"
          class="bin ${isOver ? 'over' : ''}"
          tabindex=${isInHeader ? -1 : 0}
          aria-pressed=${chosen ? 'true' : 'false'}
          aria-label=${words}
          title=${words}
          ?disabled=${count === 0 && !chosen}
          @click=${() => show(withRangeToggled(query, range))}
        >
          <span ${styleProperties({ height })}></span>
        </button>`;
      })}
    </div>
    <div class="axis number quiet" aria-hidden="true">
      <span>${shortNumber(min)}</span>${max > min ? html`<span>${shortNumber(max)}</span>` : nothing}
    </div>
  `;
}

/** Minimum, median, mean, standard deviation and maximum in one line. */
export function distributionText({ min, max, mean, median, std }: Distribution, t: Translate): string {
  return t(
    'min {0} · median {1} · mean {2} ± {3} · max {4}',
    ...[min, median, mean, std, max].map((value) => shortNumber(Number(value.toPrecision(4)))),
  );
}
