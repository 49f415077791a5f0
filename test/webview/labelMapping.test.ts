import assert from 'node:assert/strict';
import type { MappingSnapshot, RawValue } from '../../src/protocol/labelMappingEditor';
import { untranslated } from '../../src/base/translate';
import { initialState, reduce, shownValues, suggestions, takesScore, touched, type LabelMappingEvent } from '../../webview/labelMapping/state'; // prettier-ignore

const value = (name: string, state: RawValue['state'] = 'mapped', suggestion: string | null = null): RawValue => ({
  ...{ value: name, counts: [3], firstLines: [2], state, to: state === 'mapped' ? name : null },
  ...{ isExplicit: false, suggestion },
});
const mappedClass = (name: string) => ({ name, description: '', color: null, score: null, impliedScore: 0, before: [3], after: [3], earlierName: null }); // prettier-ignore
const snapshot: MappingSnapshot = {
  ...{ kind: 'recipe', fileName: 'a.medtext.json', isReadOnly: false, isDirty: false, problem: null },
  ...{
    isRegression: false,
    comparesTexts: false,
    countsEntities: false,
    findsSuspects: true,
    elsewhere: null,
    labelsFile: null,
    labelsAreInferred: false,
    gone: [],
    moreValues: 0,
    conflicts: [],
  },
  ...{ changedRows: [0], users: [], model: null, suspects: null },
  splits: [{ ...{ name: 'train', file: 'a.json', state: 'ready', rows: 9, badRows: 0 }, column: 'label', error: null, otherRows: 0, combinations: null }], // prettier-ignore
  classes: [mappedClass('Yes'), mappedClass('No')],
  values: [value('Yes'), value('No'), value('yes', 'unmapped', 'Yes'), value('YES', 'unmapped', 'Yes'), value('NA', 'dropped'), value('?', 'unmapped')], // prettier-ignore
  dropped: { before: [0], after: [0] },
  unmapped: { before: [0], after: [0] },
};
const after = (...events: LabelMappingEvent[]) =>
  [{ type: 'snapshot', snapshot } as LabelMappingEvent, ...events].reduce(reduce, initialState);
const shown = (...events: LabelMappingEvent[]) => shownValues(after(...events)).map(({ value: name }) => name);

describe('label mapping: state', () => {
  it('shows the values that search and filter leave', () => {
    assert.deepEqual(shown({ type: 'search', text: 'YES' }), ['Yes', 'yes', 'YES']);
    assert.deepEqual(shown({ type: 'filter', filter: 'dropped' }), ['NA']);
    assert.deepEqual(shown({ type: 'filter', filter: 'unmapped' }, { type: 'search', text: 'y' }), ['yes', 'YES']);
  });

  it('maps the picked values together, and one that is not picked alone', () => {
    const state = after({ type: 'pick', value: 'yes', on: true }, { type: 'pick', value: 'YES', on: true });
    assert.deepEqual(touched(state, 'yes'), ['yes', 'YES']);
    assert.deepEqual(touched(state, '?'), ['?']);
  });

  it('picks what is shown, and forgets what is gone', () => {
    const state = after({ type: 'search', text: 'yes' }, { type: 'pickAll', on: true }, { type: 'search', text: '' });
    assert.deepEqual(state.picked, ['Yes', 'yes', 'YES']);
    const fewer = reduce(state, { type: 'snapshot', snapshot: { ...snapshot, values: [value('yes')] } });
    assert.deepEqual(fewer.picked, ['yes']);
    assert.deepEqual(reduce(fewer, { type: 'pickAll', on: false }).picked, []);
  });

  it('keeps what is being typed while counts arrive, until the field is left or its class is gone', () => {
    const typed = after({ type: 'typed', label: 'No', field: 'name', text: 'Nein' });
    assert.deepEqual(Object.values(reduce(typed, { type: 'snapshot', snapshot }).drafts), ['Nein']);
    const renamed = { ...snapshot, classes: [mappedClass('Yes')] };
    assert.deepEqual(reduce(typed, { type: 'snapshot', snapshot: renamed }).drafts, {});
    assert.deepEqual(reduce(typed, { type: 'left', label: 'No', field: 'name' }).drafts, {});
  });

  it('offers spellings of a class at once', () => {
    assert.deepEqual([...suggestions(snapshot)], [['Yes', ['yes', 'YES']]]);
  });

  it('stays with a split that is there', () => {
    assert.equal(after({ type: 'split', split: 'test' }, { type: 'snapshot', snapshot }).split, 'train');
  });
});

describe('label mapping: classes', () => {
  it('take a score of similarity where texts are compared, or where nobody knows, or where one stands', () => {
    const takes = (change: Partial<MappingSnapshot>, score: number | null = null) => takesScore({ ...snapshot, ...change }, { score }); // prettier-ignore
    assert.equal(takes({ comparesTexts: true }), true);
    assert.equal(takes({}), false, 'a recipe of several labels, or of single texts');
    assert.equal(takes({}, 1), true);
    assert.equal(takes({ kind: 'labels' }), true);
    assert.equal(takes({ kind: 'labels', countsEntities: true }), false);
  });
});

describe('label mapping: the name of a new class', () => {
  const { classesSection } = require('../../webview/labelMapping/classes' as string) as {
    classesSection(...shown: readonly unknown[]): unknown;
  };
  /** What stands behind an attribute in a template, or in one inside it. */
  function valuesOf(template: unknown, attribute: string): unknown[] {
    if (Array.isArray(template)) return template.flatMap((one) => valuesOf(one, attribute));
    const { strings, values = [] } = (template ?? {}) as { strings?: readonly string[]; values?: readonly unknown[] };
    return values.flatMap((one, at) => [...(strings?.[at].endsWith(attribute) ? [one] : []), ...valuesOf(one, attribute)]); // prettier-ignore
  }

  it('is not taken while an input method still composes it, and stays where it is refused', async () => {
    let isAccepted = false;
    const names: string[] = [];
    const events: LabelMappingEvent[] = [];
    const actions = {
      dispatch: (event: LabelMappingEvent) => void events.push(event),
      change: async (operation: { name: string }) => (names.push(operation.name), isAccepted),
    };
    const state = after({ type: 'newName', text: ' 症状 ' });
    const [onKey] = valuesOf(classesSection(state, actions, untranslated), '@keydown=') as ((event: object) => void)[]; // prettier-ignore
    const press = async (isComposing: boolean) => {
      onKey({ key: 'Enter', isComposing, preventDefault: () => undefined });
      await new Promise((turn) => setImmediate(turn));
    };
    await press(true);
    assert.deepEqual(names, []);
    await press(false);
    assert.deepEqual([names, events], [['症状'], []]);
    isAccepted = true;
    await press(false);
    assert.deepEqual(events, [{ type: 'added', name: '症状' }]);
    assert.equal(reduce(state, events[0]).newName, '');
    assert.equal(reduce({ ...state, newName: '检查' }, events[0]).newName, '检查');
  });
});
