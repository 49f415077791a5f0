import { asMedTextError, plainError } from '../base/errors';
import type { ShownView, ViewQuery } from '../protocol/datasetPreview';
import { throwIfAborted } from './pacer';
import type { RowView } from './rowView';

/** The view on show: its rows, and how far finding them is. */
export class ViewOnShow {
  working: boolean;
  private partial = false;
  private error: ShownView['error'] = null;
  private readonly abort = new AbortController();

  constructor(
    readonly id: number,
    readonly query: ViewQuery,
    readonly rows: RowView,
  ) {
    this.working = !rows.isWhole;
  }

  /** Finds the rows, never rejects. @param tell told of progress, and with `true` of the end */
  async build(indexed: Promise<void>, tell: (isLast: boolean) => void): Promise<void> {
    const { signal } = this.abort;
    try {
      await indexed;
      throwIfAborted(signal);
      await this.rows.build(() => tell(false), signal);
    } catch (error) {
      const failure = asMedTextError(error);
      this.partial = failure.code === 'CANCELLED';
      if (!this.partial) this.error = plainError(failure);
    }
    this.working = false;
    tell(true);
  }

  cancel(): void {
    this.abort.abort();
  }

  state(): ShownView {
    const { id, query, rows, working, partial, error } = this;
    return { id, query, rows: rows.length, working, fraction: working ? rows.fraction : 1, partial, error };
  }
}
