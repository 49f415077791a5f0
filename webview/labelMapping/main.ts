import { render } from 'lit';
import { asMedTextError } from '../../src/base/errors';
import { untranslated, type Translate } from '../../src/base/translate';
import { labelMappingContract } from '../../src/protocol/labelMappingEditor';
import { connectToHost } from '../shared/host';
import '../shared/page.css';
import { translateWith } from '../shared/wordings';
import type { LabelMappingActions } from './actions';
import { initialState, reduce, type LabelMappingEvent } from './state';
import './style.css';
import { labelMapping } from './view';

const root = document.getElementById('root')!;
const host = connectToHost(labelMappingContract);
let state = initialState;
let t: Translate = untranslated;

const actions: LabelMappingActions = {
  dispatch,
  async change(...operations) {
    dispatch({ type: 'trouble', message: '' });
    try {
      for (const operation of operations) await host.request('change', operation);
    } catch (error) {
      showTrouble(error);
    }
  },
  ask: (request) => void host.request(request, undefined).catch(showTrouble),
  reveal: (split, value) => void host.request('reveal', { split, value }).catch(showTrouble),
  revealRow: (split, line) => void host.request('revealRow', { split, line }).catch(showTrouble),
  findSuspects: (split) => void host.request('findSuspects', { split }).catch(showTrouble),
  correct: (rows) => void host.request('correct', { rows: [...rows] }).catch(showTrouble),
};

host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));
paint();
host.request('initialize', undefined).then(({ language, wordings, snapshot }) => {
  document.documentElement.lang = language;
  t = translateWith(wordings);
  dispatch({ type: 'snapshot', snapshot });
}, showTrouble);

function dispatch(event: LabelMappingEvent): void {
  state = reduce(state, event);
  paint();
}

function showTrouble(error: unknown): void {
  const { code, message } = asMedTextError(error);
  if (code !== 'CANCELLED') dispatch({ type: 'trouble', message });
}

function paint(): void {
  render(labelMapping(state, actions, t), root);
}
