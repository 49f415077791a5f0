import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { Uri, commands, window, workspace } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { sizeText } from '../../base/sizeText';
import type { Translate } from '../../base/translate';
import { adviceText } from '../../protocol/deviceWords';
import type { ListedModel } from '../modelStore';
import type { Services } from '../services';
import { deviceReport, type DeviceFacts } from '../deviceReport';
import { setting } from '../settings';
import { showText } from '../showText';
import { canBeData, dataFilters, dataGlob, fileItems, pickFile, requireTrust } from './asking';
import { modelUse } from '../datasetPreview/modelUse';
import { columnsFor } from './columnsOfFile';
import { askSheet, namedSheet } from './sheets';
import { importModel, withJob } from './importCommands';
import { revealFolder } from './runCommands';
import { starterModel } from './starter';
import { showInformation, showProgress, showWarning } from '../messages';

/** @returns the model that was chosen, which is active now; undefined when the person gave up */
export async function chooseActiveModel(services: Services): Promise<ListedModel | undefined> {
  const { t, models } = services;
  const items = models
    .list()
    .filter(({ missing }) => !missing)
    .map((model) => ({
      label: `${model.active ? '$(check) ' : ''}${model.name}`,
      description: model.hasHead ? model.description : t('encoder, gives cosines'),
      detail: model.folder,
      folder: model.folder,
    }));
  const add = { label: `$(add) ${t('Import Model…')}`, description: '', detail: '', folder: '', alwaysShow: true };
  const starter = { ...add, label: `$(package) ${t('Starter encoder')}`, description: t('comes with MedText Lab'), folder: 'starter' }; // prettier-ignore
  const unlisted = models.list().some((model) => models.isStarter(model)) ? [] : [starter];
  const browse = { ...add, label: `$(folder-opened) ${t('Open a model folder…')}`, folder: '*' };
  const choice = await window.showQuickPick([...items, ...unlisted, browse, add], { title: t('Choose Active Model') }); // prettier-ignore
  if (!choice) return undefined;
  if (choice.folder === '') {
    const imported = await importModel(services);
    if (!imported) return undefined;
    await models.activate(imported.folder);
  } else if (choice.folder === '*') {
    const uri = (await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false }))?.[0];
    if (!uri) return undefined;
    await useFolder(services, uri.fsPath);
  } else await models.activate(choice === starter ? (await starterModel(services)).folder : choice.folder);
  return models.active();
}

/** Lists a model folder where it lies and makes it the active one. */
export async function useFolder({ models }: Services, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'config.json'))) {
    throw new MedTextError('MODEL_CONFIG', words`${folder} is not a model folder: it has no config.json.`, { folder });
  }
  if (!models.list().some((model) => model.folder === folder)) await models.add(folder, 'imported');
  await models.activate(folder);
}

export async function useModel(services: Services, target: unknown): Promise<void> {
  if (isModel(target)) await services.models.activate(target.folder);
  else if (typeof target === 'string') await useFolder(services, target);
}

export async function revealModel(_services: Services, target: unknown): Promise<void> {
  if (isModel(target)) await revealFolder(target.folder);
}

/** Takes a model off the list; what the library itself has written can go with its files. */
export async function removeModel({ models, library, t }: Services, target: unknown): Promise<void> {
  if (!isModel(target)) return;
  const { folder, name, missing, origin, record } = target;
  if (missing || origin !== 'imported' || !record) return models.remove(folder);
  const remove = t('Delete Model and Its Files');
  const forget = t('Remove from List');
  const detail = `${folder}\n${sizeText(record.sizeBytes)}`;
  // What lies in the library is listed whether or not it was added.
  const others = models.isInLibrary(folder) ? [] : [forget];
  const choice = await showWarning(t('Delete {0}?', name), { modal: true, detail }, remove, ...others);
  if (choice === undefined) return;
  await models.remove(folder);
  if (choice !== remove) return;
  await library.request('remove', { folder }).finally(() => models.refresh());
}

/** Hashes the files anew, compares them with the record, and reads every tensor. */
export async function verifyModel(services: Services, target: unknown): Promise<void> {
  if (!isModel(target)) return;
  const { t, library } = services;
  const { folder, name } = target;
  const result = await withJob(services, t('Verifying {0}', name), (job, signal) =>
    library.request('verify', { folder, job }, signal),
  );
  const changed = result.files.filter(({ state }) => state === 'changed' || state === 'missing');
  if (result.ok) {
    const isRecorded = result.files.some(({ state }) => state === 'same');
    void showInformation(
      isRecorded
        ? t('{0} is intact: {1} files as imported, {2} tensors read.', name, result.files.length, result.tensors)
        : t('{0} can be read: {1} tensors. Nothing was recorded to compare it with.', name, result.tensors),
    );
    return;
  }
  const what = [
    ...changed.map((file) =>
      file.state === 'missing' ? t('{0} is missing', file.name) : t('{0} has changed', file.name),
    ),
    ...(result.notFinite.length > 0 ? [t('values that are not numbers in {0}', result.notFinite.slice(0, 5).join(', '))] : []), // prettier-ignore
  ];
  void showWarning(t('{0} is not what was imported: {1}.', name, what.join(', ')));
}

/** Metrics of a model on a labelled file, as a page. @param target the file, or the model; else the active model is meant */
export async function evaluate(services: Services, target?: unknown): Promise<void> {
  const { t } = services;
  const model = isModel(target) ? target : await scoringModel(services);
  const file = model && (await dataFile(services, target, t('Evaluate on which file?')));
  if (!model || !file) return;
  const info = await askSheet(await services.scorer.request('dataInfo', { file: file.fsPath }), services);
  const columns = info && (await columnsFor(info, model, true, t));
  if (!columns) return;
  const sheet = namedSheet(info);
  const params = { folder: model.folder, file: file.fsPath, ...(sheet !== undefined && { sheet }), ...columns, ...where() }; // prettier-ignore
  const { report, answers } = await withProgress(
    services,
    t('Evaluating {0}', basename(file.fsPath)),
    'evaluate',
    (signal) => services.scorer.request('evaluate', params, signal),
  );
  const column = columns.label ?? info.label;
  const label = column === undefined ? undefined : { column, mapping: modelUse(model.folder).labelNames };
  services.runPage.showEvaluation({
    model,
    file: file.fsPath,
    ...(sheet !== undefined && { sheet }),
    report,
    answers,
    label,
  });
}

/** Fills in the labels of a file with the active model; the result opens. */
export async function predictFile(services: Services, target?: unknown): Promise<void> {
  const { t } = services;
  const model = await scoringModel(services);
  const file = model && (await dataFile(services, target, t('Predict labels of which file?')));
  if (!model || !file || !(await requireTrust(t))) return;
  const info = await askSheet(await services.scorer.request('dataInfo', { file: file.fsPath }), services);
  const columns = info && (await columnsFor(info, model, false, t));
  if (!columns) return;
  const extension = extname(file.fsPath);
  // Parquet is read, not written.
  const ending = info.format === 'parquet' ? '.jsonl' : extension;
  const suggestion = join(dirname(file.fsPath), `${basename(file.fsPath, extension)}.predicted${ending}`);
  const title = t('Save predictions as');
  const filters = ending === '.xlsx' ? { [t('Workbook')]: ['xlsx'], CSV: ['csv'], 'JSON Lines': ['jsonl'] } : undefined;
  const output = await window.showSaveDialog({ defaultUri: Uri.file(suggestion), title, filters });
  if (!output) return;
  const sheet = namedSheet(info);
  const params = { folder: model.folder, file: file.fsPath, output: output.fsPath, ...(sheet !== undefined && { sheet }), ...columns, ...where() }; // prettier-ignore
  const { rows, leftOut } = await withProgress(
    services,
    t('Predicting {0}', basename(file.fsPath)),
    'predict',
    (signal) => services.scorer.request('predict', params, signal),
  );
  if (/\.xlsx$/i.test(output.path)) await services.datasetPreviews.open(output);
  else await showText(output);
  const said = t('{0} rows predicted.', rows);
  void showInformation(leftOut ? `${said} ${t('{0} annotations of other kinds are not carried over: they refer to the annotators’ entities.', leftOut)}` : said); // prettier-ignore
}

/** Runtime, providers, threads and a self-test, as a document. */
export async function checkDevice(services: Services): Promise<void> {
  const { t } = services;
  // A person who asks wants the process tried again, whatever happened before.
  await services.scorer.renew();
  const facts = await withProgress(services, t('Checking the device'), undefined, (signal) =>
    services.scorer.request('doctor', where(), signal),
  );
  // A file, not an untitled document: nobody should be asked to save a report.
  const report = Uri.joinPath(services.context.globalStorageUri, 'device.md');
  await workspace.fs.writeFile(report, Buffer.from(deviceReport(facts as DeviceFacts, t)));
  await commands.executeCommand('markdown.showPreview', report);
  offerGpuRuntime(facts as DeviceFacts, t);
}

/** Where CUDA's libraries are what is missing, the way to them is one click. */
function offerGpuRuntime({ adviceCodes = [] }: DeviceFacts, t: Translate): void {
  const code = (['gpuRuntimeStale', 'gpuRuntimeBroken', 'cudaLibraries'] as const).find((one) => adviceCodes.includes(one)); // prettier-ignore
  if (code === undefined) return;
  const get = t('Get GPU Runtime…');
  void showInformation(adviceText(code, t), get).then(
    (choice) => choice === get && commands.executeCommand('medtext.getGpuRuntime'),
  );
}

/** Device and threads as set. */
export function where(): { device: string; threads?: number } {
  const threads = setting('medtext.runtime.threads');
  return { device: setting('medtext.device'), ...(threads > 0 && { threads }) };
}

export async function withProgress<T>(
  { scorer }: Services,
  title: string,
  request: 'evaluate' | 'predict' | 'exportModel' | 'checkPrecision' | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return showProgress(title, async (signal, report) => {
    let reached = 0;
    const subscription = scorer.onProgress((event) => {
      if (event.request !== request || !event.total) return;
      const percent = (100 * event.done) / event.total;
      report(percent - reached, `${Math.floor(percent)} %`);
      reached = percent;
    });
    try {
      return await work(signal);
    } finally {
      subscription.dispose();
    }
  });
}

/** The active model; where it gives no labels, for it is an encoder without a head, or there is none, the person chooses. */
export async function scoringModel(services: Services): Promise<ListedModel | undefined> {
  const active = services.models.active();
  return active?.hasHead ? active : chooseActiveModel(services);
}

export async function dataFile({ t }: Services, target: unknown, title: string): Promise<Uri | undefined> {
  if (target instanceof Uri) return target;
  const found = (await workspace.findFiles(dataGlob, '**/{node_modules,runs,dist,.git}/**', 500)).filter(canBeData);
  if (found.length === 0) return pickFile({ title, glob: '', filters: dataFilters(t) }, t);
  const browse = { label: `$(folder-opened) ${t('Browse…')}`, description: '', uri: undefined, alwaysShow: true };
  const choice = await window.showQuickPick([...fileItems(found), browse], { title, matchOnDescription: true });
  if (!choice) return undefined;
  return choice.uri ?? (await window.showOpenDialog({ title, filters: dataFilters(t) }))?.[0];
}

export function freeFolder(parent: string, stem: string): string {
  for (let number = 1; ; number++) {
    const folder = join(parent, number === 1 ? stem : `${stem}-${number}`);
    if (!existsSync(folder)) return folder;
  }
}

export function isModel(value: unknown): value is ListedModel {
  const model = value as Partial<ListedModel> | undefined;
  return typeof model?.folder === 'string' && typeof model.hasHead === 'boolean';
}
