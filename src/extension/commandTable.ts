import { choosePrecision } from './commands/choosePrecision';
import { previewData } from './commands/previewData';
import { compareRuns } from './commands/compareRuns';
import { exportModel } from './commands/exportModel';
import { extendVocabulary } from './commands/extendVocabulary';
import { fineTune, openFineTune } from './commands/fineTune';
import { pretrain } from './commands/pretrain';
import { getGpuRuntime } from './commands/gpuRuntime';
import { importDataset, importModel, setAccessToken } from './commands/importCommands';
import { markEntities } from './commands/markEntities';
import { mapLabels } from './commands/mapLabels';
import {
  checkDevice,
  chooseActiveModel,
  evaluate,
  predictFile,
  removeModel,
  revealModel,
  isModel,
  useModel,
  verifyModel,
} from './commands/modelCommands';
import {
  deleteRun,
  isRunRecord,
  openRecipe,
  renameRun,
  resumeRun,
  revealFolder,
  runRecipe,
  showRun,
  stopNow,
  stopTraining,
} from './commands/runCommands';
import { jumpTo, scoreSelection, setReference } from './commands/scoreCommands';
import { sayScale } from './commands/similarityScale';
import { trySample } from './commands/starter';
import { openDocumentation } from './documentation';
import type { CommandId } from './ids';
import { lookForRuns } from './runWatch';
import type { Services } from './services';
import { tellError } from './tellError';

/** Every command; the compiler refuses a missing or an unknown one, a test compares with the manifest. */
const handlers: Readonly<Record<CommandId, (services: Services, ...parameters: unknown[]) => unknown>> = {
  'medtext.fineTune': openFineTune,
  'medtext.fineTuneSteps': fineTune,
  'medtext.pretrain': pretrain,
  'medtext.extendVocabulary': extendVocabulary,
  'medtext.trySample': trySample,
  'medtext.runRecipe': runRecipe,
  'medtext.resumeRun': resumeRun,
  'medtext.stopTraining': stopTraining,
  'medtext.stopNow': stopNow,
  'medtext.chooseActiveModel': chooseActiveModel,
  'medtext.importModel': importModel,
  'medtext.importDataset': importDataset,
  'medtext.setAccessToken': setAccessToken,
  'medtext.exportModel': exportModel,
  'medtext.choosePrecision': choosePrecision,
  'medtext.evaluate': evaluate,
  'medtext.predictFile': predictFile,
  'medtext.scoreSelection': scoreSelection,
  'medtext.markEntities': markEntities,
  'medtext.setScale': sayScale,
  'medtext.setReference': setReference,
  'medtext.clearReference': (services) => services.setReference(undefined),
  'medtext.showRun': showRun,
  'medtext.compareRuns': compareRuns,
  'medtext.openLog': ({ log }) => log.show(),
  'medtext.documentation': ({ context }, code) => openDocumentation(context, code),
  'medtext.checkDevice': checkDevice,
  'medtext.getGpuRuntime': getGpuRuntime,
  'medtext.previewData': previewData,
  'medtext.mapLabels': mapLabels,
  'medtext.useModel': useModel,
  'medtext.showModel': ({ modelDetail }, model) => (isModel(model) ? modelDetail.show(model) : undefined),
  'medtext.verifyModel': verifyModel,
  'medtext.revealModel': revealModel,
  'medtext.removeModel': removeModel,
  'medtext.openRecipe': openRecipe,
  'medtext.revealRun': (_services, run) => (isRunRecord(run) ? revealFolder(run.folder) : undefined),
  'medtext.renameRun': renameRun,
  'medtext.deleteRun': deleteRun,
  'medtext.refreshRuns': lookForRuns,
  'medtext.jumpTo': jumpTo,
};

/** What a command throws is shown with a way to the log, a cancellation is not shown. */
export async function runCommand(services: Services, id: CommandId, parameters: readonly unknown[]): Promise<unknown> {
  try {
    return await handlers[id](services, ...parameters);
  } catch (error) {
    tellError(services, id, error);
    return undefined;
  }
}
