/** Every id that the manifest and the code share; a test compares both, and the compiler completes what is keyed by them. */

/** Commands of the palette. */
export const paletteCommands = [
  'medtext.fineTune',
  'medtext.fineTuneSteps',
  'medtext.pretrain',
  'medtext.extendVocabulary',
  'medtext.trySample',
  'medtext.runRecipe',
  'medtext.resumeRun',
  'medtext.stopTraining',
  'medtext.stopNow',
  'medtext.chooseActiveModel',
  'medtext.importModel',
  'medtext.exportModel',
  'medtext.importDataset',
  'medtext.setAccessToken',
  'medtext.previewData',
  'medtext.mapLabels',
  'medtext.evaluate',
  'medtext.predictFile',
  'medtext.scoreSelection',
  'medtext.markEntities',
  'medtext.setScale',
  'medtext.setReference',
  'medtext.clearReference',
  'medtext.showRun',
  'medtext.compareRuns',
  'medtext.openLog',
  'medtext.documentation',
  'medtext.checkDevice',
  'medtext.getGpuRuntime',
] as const;

/** Commands of trees, lenses and links, hidden from the palette. */
export const innerCommands = [
  'medtext.useModel',
  'medtext.showModel',
  'medtext.verifyModel',
  'medtext.choosePrecision',
  'medtext.revealModel',
  'medtext.removeModel',
  'medtext.openRecipe',
  'medtext.revealRun',
  'medtext.renameRun',
  'medtext.deleteRun',
  'medtext.refreshRuns',
  'medtext.jumpTo',
] as const;

export type CommandId = (typeof paletteCommands)[number] | (typeof innerCommands)[number];

export const viewIds = ['medtext.training', 'medtext.models', 'medtext.runs'] as const;
export type ViewId = (typeof viewIds)[number];

/** Panels that come back with the window. */
export const panelTypes = [
  'medtext.similarity',
  'medtext.runComparison',
  'medtext.modelDetail',
  'medtext.runPage',
  'medtext.fineTunePage',
] as const;
export type PanelType = (typeof panelTypes)[number];

export const customEditorTypes = [
  'medtext.labelMapping',
  'medtext.labelsFile',
  'medtext.datasetPreview',
  'medtext.tablePreview',
] as const;
export type CustomEditorType = (typeof customEditorTypes)[number];

export const taskType = 'medtext';

/** Keys of `when` clauses. */
export const contextKeys = {
  training: 'medtext.training',
  hasReference: 'medtext.hasReference',
  /** A question of ours with a way back is open. */
  canGoBack: 'medtext.canGoBack',
} as const;

/** Settings with the type of their value. */
export interface Settings {
  'medtext.runtime.nodePath': string;
  /** 0: the runtime's own choice. */
  'medtext.runtime.threads': number;
  'medtext.device': 'auto' | 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
  'medtext.scoring.precision': 'float32' | 'int8' | 'float16';
  'medtext.hover.enabled': boolean;
  /** Whether the starter encoder, too, answers in hovers. */
  'medtext.hover.starter': boolean;
  'medtext.hover.languages': readonly string[];
  /** Where imported models are kept; empty: the extension's storage. */
  'medtext.models.folder': string;
  'medtext.hub.modelscopeEndpoint': string;
  'medtext.hub.huggingFaceEndpoint': string;
  /** A mirror of Python's package index; empty: the environment's, else the public one. */
  'medtext.gpuRuntime.index': string;
  'medtext.training.onWindowClose': 'ask' | 'stop' | 'continue';
}
export type SettingId = keyof Settings;
