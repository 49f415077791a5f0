import '@vscode-elements/elements/dist/vscode-button/index.js';
import { render } from 'lit';
import { runComparisonContract } from '../../src/protocol/runComparison';
import { Charts, type SeriesLook } from '../shared/chart';
import { pageMemory } from '../shared/host';
import '../shared/page.css';
import '../shared/panel.css';
import { startPage } from '../shared/startPage';
import { onThemeChange } from '../shared/theme';
import { letterOf, lossCurves, metricCurves, reduce, remembered, restored, shownMetric, type RunComparisonEvent } from './state'; // prettier-ignore
import './style.css';
import { runComparisonView, type RunComparisonActions } from './view';

const { host, root, t, ask } = startPage(runComparisonContract, {
  paint,
  show: (comparison) => dispatch({ type: 'comparison', comparison }),
  setTrouble: (error) => dispatch({ type: 'trouble', error }),
});
const charts = new Charts<'loss' | 'metric'>();
let state = restored(pageMemory.read());

const actions: RunComparisonActions = {
  dispatch,
  showRun: (id) => ask(host.request('showRun', { id })),
  leaveOut: (id) => ask(host.request('leaveOut', { id })),
  chooseRuns: () => ask(host.request('chooseRuns', undefined)),
  chart: (name, element) => charts.place(name, element),
};

host.on('comparison', (comparison) => dispatch({ type: 'comparison', comparison }));
onThemeChange(() => charts.draw());

function dispatch(event: RunComparisonEvent): void {
  state = reduce(state, event);
  if (state.comparison) pageMemory.write(remembered(state));
  paint();
}

function paint(): void {
  render(runComparisonView(state, actions, t), root);
  const { comparison } = state;
  if (!comparison) return;
  const stepWord = (step: number): string => t('Step {0}', step);
  const looks = (points?: number): SeriesLook[] =>
    comparison.runs.map((_, run) => ({
      label: letterOf(run),
      color: `--run-${run}`,
      width: 2,
      // Every second line is dashed, for people who cannot distinguish the colours.
      dashed: run % 2 === 1,
      ...(points !== undefined && { points }),
    }));
  charts.show('loss', lossCurves(comparison), looks(), stepWord);
  const metric = shownMetric(comparison, state.metric);
  if (metric) charts.show('metric', metricCurves(comparison, metric.name), looks(5), stepWord);
}
