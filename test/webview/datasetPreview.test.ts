import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untranslated as t } from '../../src/base/translate';
import { wholeFile, type ShownRow } from '../../src/protocol/datasetPreview';
import {
  gridColumns,
  moved,
  movedTo,
  pairOrder,
  resized,
  toggled,
  untouched,
} from '../../webview/datasetPreview/columnLayout';
import { placeAfter, selectedPart } from '../../webview/datasetPreview/gridFocus';
import { emptyCache, neededPages, outdated, pageSize, rowAt, withPage } from '../../webview/datasetPreview/rowCache';
import {
  bottomOf,
  fractionOf,
  movedBy,
  positionAt,
  revealing,
  top,
  visibleRows,
} from '../../webview/datasetPreview/scroll';
import { expressionProblem, markExpression, searchStretches } from '../../webview/datasetPreview/searchMarks';
import {
  initialState,
  isCurrent,
  reduce,
  remembered,
  restored,
  rowCount,
  splitOptions,
} from '../../webview/datasetPreview/state';
import {
  hasValue,
  withRangeToggled,
  withSortTurned,
  withValueExcluded,
  withValueOnly,
  withValueToggled,
} from '../../webview/datasetPreview/viewQueries';
import { findingWords, rangeText, shareText, numberText } from '../../webview/datasetPreview/words';
import { TestPreview } from '../preview/previewSupport';
import { templateText } from './templateText';

const million = { rows: 1_000_000, viewportPx: 610, heightOf: () => 26 };
const row = (number: number): ShownRow => ({
  row: number,
  line: number,
  cells: [],
  bad: null,
  group: null,
  prediction: null,
});
const page = (start: number, length = pageSize) => Array.from({ length }, (_, i) => row(start + i));

describe('dataset preview: findings', () => {
  it('say of unreadable rows what training does with them: by its recipe', () => {
    const finding = { id: 'badRows', kind: 'badRows' as const, rows: 3, groups: 0, examples: [] };
    const hint = (recipe: Parameters<typeof findingWords>[2]) => findingWords(finding, null, recipe, t).hint;
    assert.equal(hint(null), 'Training stops at them.');
    assert.equal(hint({ name: 'a', onBadRow: 'stop' }), 'Training stops at them.');
    assert.equal(hint({ name: 'a', onBadRow: 'skip' }), 'The recipe leaves them out.');
  });
});

describe('dataset preview: the menu of a cell', () => {
  it('keeps one value of a column, or leaves values out, beside what else is filtered', () => {
    const other = { kind: 'bad' as const };
    const some = withValueToggled({ ...wholeFile, filters: [other] }, 'label', '1');
    const only = withValueOnly(some, 'label', '2');
    assert.deepEqual(only.filters, [other, { kind: 'value', column: 'label', values: ['2'], missing: false, exclude: false }]); // prettier-ignore
    assert.deepEqual(withValueOnly(wholeFile, 'label', null).filters, [{ kind: 'value', column: 'label', values: [], missing: true, exclude: false }]); // prettier-ignore
    const without = withValueExcluded(
      withValueExcluded(withValueExcluded(only, 'label', '0'), 'label', null),
      'label',
      '0',
    );
    assert.deepEqual(without.filters.at(-1), { kind: 'value', column: 'label', values: ['0'], missing: true, exclude: true }); // prettier-ignore
    assert.equal(without.filters.length, 3);
  });
});

describe('dataset preview: scrolling', () => {
  it('reaches every row of a million, and the exact ends', () => {
    assert.deepEqual(positionAt(0, million), top);
    const bottom = positionAt(1, million);
    assert.equal(visibleRows(bottom, million).end, million.rows);
    for (const fraction of [0.1, 0.5, 0.999999]) {
      assert.ok(Math.abs(fractionOf(positionAt(fraction, million), million) - fraction) < 1e-9);
    }
    assert.deepEqual(movedBy(bottom, 500, million), bottom);
    assert.deepEqual(movedBy({ index: 1, hiddenPx: 3 }, -500, million), top);
  });

  it('moves by pixels through rows of different heights, there and back', () => {
    const frame = { rows: 100, viewportPx: 200, heightOf: (index: number) => 20 + 10 * (index % 3) };
    const there = movedBy(top, 95, frame);
    assert.deepEqual(there, { index: 3, hiddenPx: 5 });
    assert.deepEqual(movedBy(there, -95, frame), top);
    assert.equal(bottomOf({ ...frame, rows: 3 }), top);
  });

  it('reveals a row by the least movement', () => {
    const here = { index: 100, hiddenPx: 10 };
    assert.equal(revealing(110, here, million), here);
    assert.deepEqual(revealing(100, here, million), { index: 100, hiddenPx: 0 });
    const below = revealing(200, here, million);
    assert.equal(visibleRows(below, million).end, 201);
  });
});

describe('dataset preview: rows', () => {
  it('asks for what the screen needs first, and again for a page that has grown or aged', () => {
    const cache = withPage(emptyCache(1), 5, page(500), 0);
    assert.deepEqual(neededPages(cache, 590, 610, 10_000), [6, 7, 4]);
    assert.deepEqual(neededPages(withPage(emptyCache(1), 0, page(0, 40), 0), 0, 20, 80), [0]);
    assert.deepEqual(neededPages(outdated(cache), 500, 510, 600), [5, 4]);
    assert.equal(rowAt(outdated(cache), 500)?.row, 500, 'the old row is shown meanwhile');
  });

  it('keeps a bounded number of pages, those near the last one', () => {
    let cache = emptyCache(1);
    for (let at = 0; at < 200; at++) cache = withPage(cache, at, page(at * pageSize), 0);
    assert.ok(cache.pages.size <= 40);
    assert.ok(rowAt(cache, 199 * pageSize) && !rowAt(cache, 0));
  });
});

describe('dataset preview: columns', () => {
  const columns = ['id', 'a', 'b', 'label'];

  it('puts a pair side by side until the person orders the columns', () => {
    const mapping = { first_sequence: 'a', second_sequence: 'b', label: 'label' };
    assert.deepEqual(pairOrder(untouched, columns, mapping), ['a', 'b', 'label', 'id']);
    assert.deepEqual(pairOrder(moved(untouched, columns, 'b', -1), columns, mapping), ['id', 'b', 'a', 'label']);
    assert.deepEqual(movedTo(untouched, columns, 'id', 'label').order, ['a', 'b', 'label', 'id']);
  });

  it('never hides the last column, and keeps widths within reason', () => {
    const hidden = ['id', 'a', 'b', 'label'].reduce((layout, name) => toggled(layout, columns, name), untouched);
    assert.deepEqual(hidden.hidden, ['id', 'a', 'b']);
    assert.deepEqual([resized(untouched, 'a', -5).widths.a, resized(untouched, 'a', 1e9).widths.a], [48, 1600]);
    const options = { layout: hidden, columns, order: columns, typeOf: () => undefined, lastLine: 9, widthPx: 800 };
    const kinds = gridColumns({ ...options, predictionAfter: 'label' }).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['line', 'data', 'prediction']);
  });
});

describe('dataset preview: keyboard', () => {
  const size = { rows: 1000, columns: 4, pageRows: 20 };

  it('follows the grid pattern, up into the header and never out of the table', () => {
    const go = (key: string, isCtrl = false) => placeAfter(key, isCtrl, { row: 0, column: 1 }, size);
    assert.deepEqual(go('ArrowUp'), { row: -1, column: 1 });
    assert.deepEqual(go('PageDown'), { row: 20, column: 1 });
    assert.deepEqual(go('End', true), { row: 999, column: 3 });
    assert.deepEqual(placeAfter('ArrowRight', false, { row: 0, column: 3 }, size), { row: 0, column: 3 });
    assert.equal(go('x'), undefined);
  });

  it('selects a rectangle whichever way it was drawn', () => {
    const selection = { anchor: { row: 9, column: 3 }, active: { row: 4, column: 1 } };
    assert.deepEqual(selectedPart(selection), { rows: [4, 9], columns: [1, 3] });
  });
});

describe('dataset preview: queries', () => {
  it('joins labels of a column, and ends the filter with the last', () => {
    const one = withValueToggled(wholeFile, 'label', '1');
    const two = withValueToggled(one, 'label', '2');
    assert.ok(hasValue(two, 'label', '1') && hasValue(two, 'label', '2'));
    assert.deepEqual(withValueToggled(withValueToggled(two, 'label', '1'), 'label', '2').filters, []);
    assert.equal(withValueToggled(one, 'label', null).filters.length, 1);
  });

  it('has one bar of an axis at a time, and turns a sort in three', () => {
    const range = { column: 'a', measure: 'characters', from: 0, to: 10, closed: false } as const;
    const chosen = withRangeToggled(wholeFile, range);
    const other = withRangeToggled(chosen, { ...range, from: 10, to: 20 });
    assert.equal(other.filters.length, 1);
    assert.deepEqual(withRangeToggled(chosen, range).filters, []);
    const turn = (query: typeof wholeFile) => withSortTurned(query, 'a');
    assert.deepEqual(turn(turn(turn(wholeFile))), wholeFile);
  });

  it('marks what was searched for, and no expression that could hang the page', () => {
    const search = { text: 'a.b', regex: false, caseSensitive: false, columns: [] };
    const hits = (text: string, expression = markExpression(search)) => searchStretches(text, expression).filter(({ hit }) => hit).map((stretch) => stretch.text); // prettier-ignore
    assert.deepEqual(hits('xA.Bx axb'), ['A.B']);
    assert.deepEqual(hits('aab', markExpression({ ...search, text: 'a+', regex: true })), ['aa']);
    for (const text of ['(a+)+$', '(a|a)*b', '(.)\\1', '.*.*.*x']) {
      assert.equal(markExpression({ ...search, text, regex: true }), undefined, text);
    }
    assert.ok(expressionProblem({ ...search, text: '(', regex: true }));
    assert.equal(expressionProblem({ ...search, text: '(' }), undefined);
  });
});

describe('dataset preview: state', () => {
  it('chooses the columns of a split anew in a file that lacks them', () => {
    const view = { id: 1, query: wholeFile, rows: 0 };
    const state = { shown: 'a', columns: ['query', 'label'], view, index: { rows: 0 }, mapping: { first_sequence: null } } as any; // prettier-ignore
    const drafted = { stratify: 'label', group: 'query', plan: { parts: [] } as any };
    let shown = reduce(initialState, { type: 'started', snapshot: { state, insights: { columns: [] } } as any });
    shown = reduce(shown, { type: 'split', draft: drafted });
    const isKept = () => [shown.split.stratify, shown.split.group, shown.split.plan !== undefined];
    // While the file is being opened, and in one of the same columns.
    for (const columns of [[], ['label', 'query', 'note']]) {
      shown = reduce(shown, { type: 'state', state: { ...state, columns } });
      assert.deepEqual(isKept(), ['label', 'query', true]);
    }
    shown = reduce(shown, { type: 'state', state: { ...state, shown: 'b', columns: ['text', 'label'] } });
    assert.deepEqual(isKept(), [null, null, false]);
    assert.equal(shown.split.train, '80');
  });

  it('follows the host to the whole file when a filtered one is read anew', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'medtext-preview-'));
    const file = join(temporary, 'train.csv');
    writeFileSync(file, 'text,label\none,a\ntwo,b\nthree,a\n');
    const preview = await TestPreview.open({ 'train.csv': file });
    await preview.indexed();
    const predictions = {} as never;
    let shown = reduce(initialState, { type: 'started', snapshot: { ...preview.session.overview(), predictions } });
    const query = withValueOnly(wholeFile, 'label', 'a');
    shown = reduce(shown, { type: 'query', query });
    const seen = preview.states.length;
    const hear = (): void => {
      for (const state of preview.states.splice(seen)) shown = reduce(shown, { type: 'state', state });
    };
    await preview.view(query);
    hear();
    assert.deepEqual([isCurrent(shown), rowCount(shown)], [true, 2]);
    appendFileSync(file, 'four,b\n');
    await preview.session.showSplit('train.csv');
    await preview.until(() => preview.states.at(-1)?.view.rows === 4);
    hear();
    assert.deepEqual([isCurrent(shown), rowCount(shown), shown.query.filters], [true, 4, []]);
    await preview.session.close();
    rmSync(temporary, { recursive: true });
  });

  it('remembers what the person did, and survives any memory', () => {
    const state = { ...initialState, wraps: true, panel: undefined, layout: resized(untouched, 'a', 99) };
    assert.deepEqual(restored(JSON.parse(JSON.stringify(remembered(state)))), state);
    for (const memory of [
      undefined,
      null,
      3,
      'x',
      [],
      { layout: 5, panel: 'no' },
      { layout: { order: [1], widths: { a: 'x' } } },
    ]) {
      assert.deepEqual(restored(memory), initialState);
    }
  });

  it('asks for a split only of shares that make a whole', () => {
    const { split } = initialState;
    assert.deepEqual(splitOptions({ ...split, label: null } as typeof split), { train: 0.8, validation: 0.1, test: 0.1, seed: 2021, stratify: null, group: null }); // prettier-ignore
    for (const bad of [{ train: '90' }, { train: '' }, { seed: '-1' }, { seed: '1.5' }, { train: '0', test: '90' }]) {
      assert.equal(splitOptions({ ...split, ...bad }), undefined);
    }
  });

  it('says shares and spans without false precision', () => {
    assert.deepEqual([shareText(1, 1e6), shareText(999_999, 1e6), shareText(1, 8), shareText(0, 0)], ['< 0.1 %', '> 99.9 %', '12.5 %', '–']); // prettier-ignore
    assert.equal(rangeText({ from: 2, to: 6, closed: false }, true), '2–5');
    assert.equal(rangeText({ from: 2, to: 3, closed: false }, true), '2');
    assert.equal(rangeText({ from: 2.5, to: 6.5, closed: true }, true), '3–6');
    assert.equal(t('x'), 'x');
  });
});

describe('dataset preview: dialogs', () => {
  // By a name that the compiler does not follow: pages are checked with the browser's types, tests without.
  const { dialogs } = require('../../webview/datasetPreview/dialogs' as string) as {
    dialogs(state: object, actions: object, translate: typeof t): unknown;
  };

  it('show the error of an action in words', () => {
    const trouble = { code: 'IO', message: 'The disk is full.' };
    const snapshot = { state: { file: { name: 'a.csv' }, columns: [], mapping: {}, index: { rows: 0 } } };
    for (const dialog of ['split', 'clean'] as const) {
      const text = templateText(dialogs({ ...initialState, snapshot, dialog, trouble }, {}, t));
      assert.match(text, /role="alert">The disk is full\. /, dialog);
      assert.doesNotMatch(text, /\[object Object\]/, dialog);
    }
  });
});

describe('the number of a prediction', () => {
  it('is a similarity only where nothing else is said', () => {
    assert.equal(numberText(undefined, '0.900', t), 'similarity 0.900');
    assert.equal(numberText('prediction', '4.400', t), 'prediction 4.400');
    assert.equal(numberText('cosine', '0.900', t), 'cosine 0.900');
  });
});
