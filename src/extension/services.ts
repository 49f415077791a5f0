import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commands, l10n, window, workspace, type ExtensionContext } from 'vscode';
import type { DisposableStore } from '../base/disposables';
import { sizeText } from '../base/sizeText';
import { chooseRuntime } from '../worker/runtime';
import { DataClient } from '../worker/dataClient';
import { LibraryClient } from '../worker/libraryClient';
import { ScorerClient } from '../worker/scorerClient';
import { TrainerClient } from '../worker/trainerClient';
import type { WorkerLaunch } from '../worker/workerProcess';
import type { BaseServices } from './baseServices';
import { createDatasetPreviews, type DatasetPreviews } from './datasetPreview/datasetPreviews';
import { HubAccess } from './hubAccess';
import { contextKeys } from './ids';
import { modelsFolderVariables } from './modelsFolder';
import { ModelStore } from './modelStore';
import { RunFinder } from './runFinder';
import { RunLogs } from './runLog';
import { RunSelection } from './runSelection';
import { RunStore } from './runStore';
import { DataAddresses } from './dataAddresses';
import { EntityMarks } from './entityMarks';
import { ScoringService } from './scoringService';
import { setting } from './settings';
import { StartNotes } from './startNotes';
import { TrainingService } from './trainingService';
import { createFineTune, type FineTunePanel } from './views/fineTunePanel';
import { createModelDetail, type ModelDetailPanel } from './views/modelDetailPanel';
import { createRunComparison, type RunComparisonPanel } from './views/runComparisonPanel';
import { createRunPage, type RunPagePanel } from './views/runPagePanel';
import { createSimilarityPanel, type SimilarityPanel } from './views/similarityPanel';
import { createTrainingView, type TrainingView } from './views/trainingView';

/** With the views that commands open. */
export interface Services extends BaseServices {
  readonly trainingView: TrainingView;
  readonly similarityPanel: SimilarityPanel;
  readonly runComparison: RunComparisonPanel;
  readonly datasetPreviews: DatasetPreviews;
  readonly modelDetail: ModelDetailPanel;
  readonly runPage: RunPagePanel;
  readonly fineTune: FineTunePanel;
}

export function createServices(context: ExtensionContext, store: DisposableStore): Services {
  const log = store.add(window.createOutputChannel('MedText Lab', { log: true }));
  const launch = (name: 'trainer' | 'scorer' | 'library' | 'data'): WorkerLaunch => ({
    entry: join(context.extensionPath, 'dist', `${name}.js`),
    runtime: chooseRuntime(setting('medtext.runtime.nodePath')),
    log,
    env: modelsFolderVariables(),
  });
  const models = new ModelStore(
    context.globalState,
    context.workspaceState,
    () => modelsFolderVariables().MEDTEXT_MODELS,
  );
  const runs = new RunStore(context.workspaceState);
  const starts = StartNotes.of(context);
  const training = store.add(
    new TrainingService((params, listeners) => TrainerClient.start(launch('trainer'), params, listeners), runs, starts),
  );
  const runLogs = new RunLogs();
  const finder = new RunFinder(runs, training, starts, runLogs);
  const scorer = store.add(new ScorerClient(() => launch('scorer')));
  const hubs = new HubAccess(context.secrets);
  const library = store.add(new LibraryClient(() => launch('library')));
  const data = store.add(new DataClient(() => launch('data')));
  const scoring = store.add(
    new ScoringService(scorer, () => {
      const model = models.active();
      const threads = setting('medtext.runtime.threads');
      const precision = setting('medtext.scoring.precision');
      return (
        model && {
          folder: model.folder,
          device: setting('medtext.device'),
          ...(threads > 0 && { threads }),
          ...(precision !== 'float32' && { precision }),
        }
      );
    }),
  );

  scorer.onOpened(({ folder, device, precision = 'float32', memoryBytes }) =>
    log.info(`The scorer opened ${folder} (${device}, ${precision}) and holds ${sizeText(memoryBytes)}.`),
  );
  scorer.onCrash((exit) =>
    log.error(`The scorer ended (${exit.signal ?? exit.exitCode}); it starts again when needed.`),
  );
  data.onCrash((exit) => log.error(`The data process ended (${exit.signal ?? exit.exitCode}); open previews are read again.`)); // prettier-ignore
  let shownAsTraining: boolean | undefined;
  const showTraining = (): void => {
    const isTraining = training.isActive || runs.list().some(({ status }) => status === 'running');
    if (isTraining === shownAsTraining) return;
    shownAsTraining = isTraining;
    void commands.executeCommand('setContext', contextKeys.training, isTraining);
  };
  training.onDidChange(showTraining);
  runs.onDidChange(showTraining);
  models.onDidChange(() => scoring.forget());
  store.add(
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('medtext.runtime') || event.affectsConfiguration('medtext.device')) {
        void scorer.renew();
      }
      if (event.affectsConfiguration('medtext.models')) {
        void library.restart();
        models.refresh();
      }
    }),
  );

  const services: BaseServices = {
    context,
    log,
    models,
    runs,
    runLogs,
    runSelection: new RunSelection(runs),
    finder,
    training,
    scorer,
    library,
    data,
    hubs,
    addresses: new DataAddresses(library, hubs),
    scoring,
    entityMarks: store.add(new EntityMarks((message, ...values) => l10n.t(message, ...values))),
    t: (message, ...values) => l10n.t(message, ...values),
    setReference(text) {
      scoring.reference = text;
      void commands.executeCommand('setContext', contextKeys.hasReference, text !== undefined);
    },
    async dataInfo(file, sheet) {
      // Hovers and the check of recipes ask this unasked: in Restricted Mode no file of the folder is read for them.
      if (!workspace.isTrusted || !existsSync(file)) return undefined;
      try {
        const { mtimeMs, size } = await stat(file);
        return await scoring.dataInfo({ file, ...(sheet !== undefined && { sheet }) }, `${mtimeMs} ${size}`);
      } catch (error) {
        log.debug(`${file} is not read as data: ${(error as Error).message}`);
        return undefined;
      }
    },
  };
  const datasetPreviews = createDatasetPreviews(services);
  return {
    ...services,
    trainingView: store.add(createTrainingView(services)),
    similarityPanel: store.add(createSimilarityPanel(services)),
    runComparison: store.add(createRunComparison(services)),
    datasetPreviews,
    runPage: store.add(createRunPage(services, datasetPreviews)),
    fineTune: store.add(createFineTune(services, datasetPreviews)),
    modelDetail: store.add(createModelDetail(services)),
  };
}
