import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { Translate } from '../../src/base/translate';
import type { FieldMapping } from '../../src/protocol/datasetPreview';
import { styleProperties } from '../shared/styleProperties';
import type { DatasetPreviewActions } from './actions';
import { toggled } from './columnLayout';
import type { Place } from './gridFocus';
import { rowAt } from './rowCache';
import { columnOrder, shownColumns, type DatasetPreviewState } from './state';
import { withSort, withValueExcluded, withValueOnly } from './viewQueries';

/** An entry of the menu. Null is a line between entries. */
export type MenuEntry = { readonly label: string; readonly act: () => void } | null;

/** The entries for a cell, or for a column if the place is its head (row -1). */
function menuEntries(
  { row, column }: Place,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): readonly MenuEntry[] {
  const shown = shownColumns(state)[column];
  const found = row < 0 ? undefined : rowAt(state.rows, row);
  const { query } = state;
  const sort = (name: string, descending: boolean) => () => actions.show(withSort(query, { kind: 'column', column: name, measure: 'value', descending })); // prettier-ignore
  const name = shown?.kind === 'data' ? shown.name : undefined;
  const cell = name === undefined || found?.bad ? undefined : found?.cells[state.snapshot!.state.columns.indexOf(name)];
  // A filter needs the whole text, and the page does not have the rest of a cut text.
  const value = cell && (cell.length === undefined || cell.length <= cell.text.length) ? cell.text : undefined;
  const isMissing = found !== undefined && !found.bad && name !== undefined && (cell === null || cell === undefined);
  const filters: MenuEntry[] =
    name === undefined || row < 0 || (value === undefined && !isMissing)
      ? []
      : [
          { label: t('Only Rows with This Value'), act: () => actions.show(withValueOnly(query, name, value ?? null)) },
          { label: t('Without This Value'), act: () => actions.show(withValueExcluded(query, name, value ?? null)) },
          null,
        ];
  const copies: MenuEntry[] =
    row < 0
      ? []
      : [
          { label: t('Copy'), act: () => actions.copy('tsv', 'selection') },
          { label: t('Copy Row as JSON'), act: () => actions.copy('json', 'row') },
          null,
        ];
  const columns: MenuEntry[] =
    name === undefined
      ? []
      : [
          { label: t('Sort Ascending'), act: sort(name, false) },
          { label: t('Sort Descending'), act: sort(name, true) },
          ...(row < 0 ? headEntries(name, state, actions, t) : []),
        ];
  const rows: MenuEntry[] =
    found === undefined
      ? []
      : [
          null,
          { label: t('Show Row'), act: () => actions.dispatch({ type: 'panel', panel: 'row' }) },
          ...(state.snapshot!.state.file?.hasLines && found.line !== null
            ? [{ label: t('Go to Line'), act: () => actions.jump(found.row) }]
            : []),
        ];
  return [...filters, ...copies, ...columns, ...rows];
}

function headEntries(
  name: string,
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): MenuEntry[] {
  const { mapping } = state.snapshot!.state;
  const use = (role: keyof FieldMapping) => () => {
    // A column has one role at most, so it loses its previous role.
    const others = Object.entries(mapping).map(([other, column]) => [other, column === name ? null : column]);
    actions.setMapping({ ...(Object.fromEntries(others) as unknown as FieldMapping), [role]: name });
  };
  return [
    null,
    { label: t('Use as First Text'), act: use('first_sequence') },
    { label: t('Use as Second Text'), act: use('second_sequence') },
    { label: t('Use as Label'), act: use('label') },
    null,
    {
      label: t('Hide'),
      act: () => actions.dispatch({ type: 'layout', layout: toggled(state.layout, columnOrder(state), name) }),
    },
    {
      label: t('Column Details'),
      act: () => actions.dispatch({ type: 'panel', panel: 'column', column: name }),
    },
  ];
}

export function contextMenu(
  state: DatasetPreviewState,
  actions: DatasetPreviewActions,
  t: Translate,
): TemplateResult | typeof nothing {
  const { menu } = state;
  if (!menu) return nothing;
  const close = (): void => actions.dispatch({ type: 'menu', menu: undefined });
  const leave = (): void => {
    close();
    actions.focusGrid();
  };
  const entries = menuEntries(menu.place, state, actions, t);
  const onKey = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=menuitem]')];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      leave();
    } else if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length]?.focus();
    }
  };
  const place = { left: `${menu.x}px`, top: `${menu.y}px` };
  return html`
    <div
      class="menu-ground"
      @pointerdown=${close}
      @contextmenu=${(event: Event) => (event.preventDefault(), close())}
    ></div>
    <div
      class="context-menu"
      role="menu"
      aria-label=${t('Actions')}
      ${styleProperties(place)}
      ${ref((element) => element && queueMicrotask(() => shownInSight(element as HTMLElement)))}
      @keydown=${onKey}
    >
      ${entries.map((entry) =>
        entry === null
          ? html`<div class="rule" role="separator"></div>`
          : html`<button
              type="button"
              role="menuitem"
              tabindex="-1"
              @click=${() => {
                leave();
                entry.act();
              }}
            >
              ${entry.label}
            </button>`,
      )}
    </div>
  `;
}

/** Moves the menu so that all of it is visible, and focuses its first entry. The entries must be rendered. */
function shownInSight(element: HTMLElement): void {
  if (element.contains(document.activeElement)) return;
  const { right, bottom } = element.getBoundingClientRect();
  const over = (end: number, size: number): number => Math.max(0, end - size + 4);
  element.style.translate = `${-over(right, window.innerWidth)}px ${-over(bottom, window.innerHeight)}px`;
  element.querySelector<HTMLElement>('[role=menuitem]')?.focus();
}
