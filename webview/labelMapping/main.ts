import { render } from 'lit';
import { labelMappingContract } from '../../src/protocol/labelMappingEditor';
import '../shared/page.css';
import { startPage } from '../shared/startPage';
import type { LabelMappingActions } from './actions';
import { initialState, reduce, type LabelMappingEvent } from './state';
import './style.css';
import { labelMapping } from './view';

const {
  host,
  root,
  t,
  ask,
  show: showTrouble,
} = startPage(labelMappingContract, {
  paint,
  show: (snapshot) => dispatch({ type: 'snapshot', snapshot }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
let state = initialState;

const actions: LabelMappingActions = {
  dispatch,
  async change(...operations) {
    dispatch({ type: 'trouble', error: undefined });
    try {
      for (const operation of operations) await host.request('change', operation);
      return true;
    } catch (error) {
      showTrouble(error);
      return false;
    }
  },
  ask: (request) => ask(host.request(request, undefined)),
  renameElsewhere: (isWanted) => ask(host.request('renameElsewhere', { isWanted })),
  reveal: (split, value) => ask(host.request('reveal', { split, value })),
  revealRow: (split, line) => ask(host.request('revealRow', { split, line })),
  findSuspects: (split) => ask(host.request('findSuspects', { split })),
  correct: (rows) => ask(host.request('correct', { rows: [...rows] })),
};

host.on('snapshot', (snapshot) => dispatch({ type: 'snapshot', snapshot }));

function dispatch(event: LabelMappingEvent): void {
  state = reduce(state, event);
  paint();
}

function paint(): void {
  render(labelMapping(state, actions, t), root);
}
