import type { DatasetPreviewActions } from './actions';
import { placeAfter, type Place } from './gridFocus';
import { activeRow, gridSize, rowHeightPx, shownColumns, type DatasetPreviewState } from './state';
import { cellId } from './table';
import { withSortTurned } from './viewQueries';

/** Turns input by mouse, wheel, touch and keyboard into events, and watches the table's size. */
export class GridInput {
  private body: HTMLElement | undefined;
  private readonly sizes = new ResizeObserver(() => this.measure());
  private revealsColumn = false;
  private touchPx: number | undefined;

  constructor(
    private readonly state: () => DatasetPreviewState,
    private readonly actions: DatasetPreviewActions,
  ) {
    window.addEventListener('keydown', (event) => this.onAnyKey(event));
  }

  /** Takes the table's body after its rendering, and undefined after its removal. */
  attach(element: Element | undefined): void {
    this.sizes.disconnect();
    this.body = element as HTMLElement | undefined;
    if (!this.body) return;
    const grid = this.body.closest<HTMLElement>('.grid')!;
    const table = grid.closest<HTMLElement>('.table')!;
    this.sizes.observe(this.body);
    this.sizes.observe(grid.parentElement!);
    grid.addEventListener('keydown', (event) => this.onKey(event));
    grid.addEventListener('pointerdown', (event) => this.onPointer(event));
    grid.addEventListener('pointermove', (event) => event.buttons === 1 && this.onDrag(event));
    grid.addEventListener('contextmenu', (event) => this.onMenu(event));
    grid.addEventListener('dblclick', (event) => this.placeOf(event) && this.open());
    table.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    table.addEventListener('touchstart', ({ touches }) => (this.touchPx = touches[0]?.clientY), { passive: true });
    table.addEventListener('touchmove', (event) => this.onTouch(event), { passive: true });
  }

  /** Scrolls to the column of the active cell after the next painting. */
  revealColumnAfterPaint(): void {
    this.revealsColumn = true;
  }

  afterPaint(): void {
    if (this.revealsColumn) this.revealColumn();
    this.revealsColumn = false;
    if (!this.body || !this.state().wraps) return;
    const rows = [...this.body.querySelectorAll<HTMLElement>('[data-index]')];
    const heights = rows.map((row) => [Number(row.dataset.index), row.offsetHeight] as const);
    this.actions.dispatch({ type: 'measured', heights });
  }

  private measure(): void {
    if (!this.body) return;
    const widthPx = this.body.closest('.sideways')!.clientWidth;
    this.actions.dispatch({ type: 'viewport', widthPx, heightPx: this.body.clientHeight });
  }

  private onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.deltaY === 0 || event.shiftKey) return;
    // Without this, scrolling beyond an end of the table would scroll the page.
    event.preventDefault();
    const unitPx = event.deltaMode === 1 ? rowHeightPx : event.deltaMode === 2 ? this.state().viewport.heightPx : 1;
    this.actions.dispatch({ type: 'scrolled', deltaPx: event.deltaY * unitPx });
    if (event.deltaX !== 0) this.body?.closest('.sideways')?.scrollBy(event.deltaX * unitPx, 0);
  }

  private onTouch({ touches }: TouchEvent): void {
    const px = touches[0]?.clientY;
    if (px === undefined || this.touchPx === undefined) return;
    this.actions.dispatch({ type: 'scrolled', deltaPx: this.touchPx - px });
    this.touchPx = px;
  }

  private onPointer(event: PointerEvent): void {
    const place = this.placeOf(event);
    if (!place || event.button !== 0) return;
    if ((event.target as Element).closest('button, .resizer')) return;
    this.actions.dispatch({ type: 'active', place, extends: event.shiftKey });
  }

  /** Opens the context menu at the mouse, or at the active cell if a key asked for the menu. */
  private onMenu(event: MouseEvent): void {
    const { active } = this.state().selection;
    const place = this.placeOf(event) ?? active;
    if ((event.target as Element).closest('input, textarea')) return;
    event.preventDefault();
    const isMouse = event.button === 2;
    const box = document.getElementById(cellId(place.row, place.column))?.getBoundingClientRect();
    const at = isMouse || !box ? { x: event.clientX, y: event.clientY } : { x: box.left + 8, y: box.bottom };
    // A menu inside the selection is a menu for the selection.
    if (!isWithin(place, this.state().selection)) this.actions.dispatch({ type: 'active', place, extends: false });
    this.actions.dispatch({ type: 'menu', menu: { place, ...at } });
  }

  private onDrag(event: PointerEvent): void {
    const place = this.placeOf(event);
    const { active } = this.state().selection;
    if (!place || place.row < 0 || active.row < 0 || (event.target as Element).closest('.resizer')) return;
    if (place.row === active.row && place.column === active.column) return;
    this.actions.dispatch({ type: 'active', place, extends: true });
  }

  private placeOf({ target }: Event): Place | undefined {
    const cell = target instanceof Element ? target.closest<HTMLElement>('[data-row]') : null;
    return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : undefined;
  }

  private onKey(event: KeyboardEvent): void {
    // A focused button inside the table handles its keys itself.
    if ((event.target as Element).closest('button')) return;
    const state = this.state();
    const isCtrl = event.ctrlKey || event.metaKey;
    const { active } = state.selection;
    if (!event.altKey) {
      const place = placeAfter(event.key, isCtrl, active, gridSize(state));
      if (place) {
        event.preventDefault();
        return this.actions.dispatch({ type: 'active', place, extends: event.shiftKey });
      }
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      this.open();
    } else if (event.key === ' ' && active.row < 0) {
      event.preventDefault();
      const column = shownColumns(state)[active.column];
      if (column?.kind === 'data') this.actions.show(withSortTurned(state.query, column.name));
    } else if (isCtrl && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      this.actions.dispatch({ type: 'selectAll' });
    } else if (isCtrl && event.key.toLowerCase() === 'c') {
      event.preventDefault();
      this.actions.copy('tsv', 'selection');
    }
  }

  private onAnyKey(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f' && !document.querySelector('dialog')) {
      const search = document.querySelector<HTMLInputElement>('#search');
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === 'Escape' && (event.target as Element).closest?.('.panel')) {
      this.actions.dispatch({ type: 'panel', panel: undefined });
      this.actions.focusGrid();
    } else if (event.key === 'Escape' && (event.target as Element).id === 'search') {
      this.actions.search({ ...this.state().search, text: '' });
      this.actions.focusGrid();
    }
  }

  /** Opens the active place: a head shows its column, a line number shows the file's line, a cell shows its row. */
  private open(): void {
    const state = this.state();
    const { active } = state.selection;
    const column = shownColumns(state)[active.column];
    if (active.row < 0) {
      if (column?.kind === 'data') this.actions.dispatch({ type: 'panel', panel: 'column', column: column.name });
      return;
    }
    const row = activeRow(state);
    const hasLine = state.snapshot?.state.file?.hasLines && row?.line != null;
    if (column?.kind === 'line' && row && hasLine) this.actions.jump(row.row);
    else this.actions.dispatch({ type: 'panel', panel: 'row' });
  }

  private revealColumn(): void {
    const { active } = this.state().selection;
    const cell = document.getElementById(cellId(active.row, active.column));
    const sideways = cell?.closest('.sideways');
    if (!cell || !sideways || active.column === 0) return;
    // The line numbers do not scroll and cover cells that scroll below them.
    const stuckPx = shownColumns(this.state())[0].widthPx;
    const view = sideways.getBoundingClientRect();
    const box = cell.getBoundingClientRect();
    const leftPx = box.left - view.left - stuckPx;
    const rightPx = box.right - view.right;
    if (leftPx < 0) sideways.scrollBy(leftPx, 0);
    else if (rightPx > 0) sideways.scrollBy(Math.min(rightPx, leftPx), 0);
  }
}

function isWithin({ row, column }: Place, { anchor, active }: DatasetPreviewState['selection']): boolean {
  const between = (value: number, a: number, b: number): boolean => value >= Math.min(a, b) && value <= Math.max(a, b);
  return row >= 0 && between(row, anchor.row, active.row) && between(column, anchor.column, active.column);
}
