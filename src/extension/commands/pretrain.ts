import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Uri, window, workspace } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import type { Device } from '../../protocol/recipe';
import { showInformation } from '../messages';
import { modelInRecipe } from '../recipe/modelInRecipe';
import { freeRecipeFile, pretrainingRecipeText } from '../recipe/recipeDraft';
import type { Services } from '../services';
import { requireTrust } from './asking';
import { pickDevice, pickModel } from './pickModel';
import { runRecipe } from './runCommands';
import { back, pick, runSteps, type Option, type Step } from './steps';

interface Answers {
  readonly model?: string;
  /** Files and folders. */
  readonly texts?: readonly string[];
  /** A list of terms; null: none. */
  readonly terms?: string | null;
  readonly structBert?: boolean;
  readonly device?: Device;
}

/** Asks for model, texts, terms, objectives and device; ends in a saved recipe that opens in the editor, as Fine-Tune Encoder does. */
export async function pretrain(services: Services, target?: unknown, targets?: unknown): Promise<void> {
  const { t } = services;
  if (!(await requireTrust(t))) return;
  const chosen = Array.isArray(targets) && targets.length > 0 ? targets : [target];
  const given = chosen.flatMap((one) => (one instanceof Uri ? [one.fsPath] : []));
  const answers = await runSteps<Answers>(
    [modelStep(services), textsStep(services, given), termsStep(services), objectiveStep(services), deviceStep(services)], // prettier-ignore
    {},
  );
  if (!answers) return;
  const file = await save(services, answers);
  await window.showTextDocument(Uri.file(file), { preview: false });
  const start = t('Start Pretraining');
  if ((await showInformation(t('{0} is ready.', basename(file)), start)) === start) await runRecipe(services, Uri.file(file)); // prettier-ignore
}

function modelStep(services: Services): Step<Answers> {
  return async (answers, position) => {
    const model = await pickModel(services, services.t('Continue Pretraining: model'), [], position);
    return model === undefined || model === back ? model : { ...answers, model };
  };
}

function textsStep({ t }: Services, given: readonly string[]): Step<Answers> {
  return async (answers, position) => {
    if (given.length > 0) return { ...answers, texts: given };
    const title = t('Continue Pretraining: texts');
    const folders: Option<string>[] = (workspace.workspaceFolders ?? []).map(({ uri, name }) => ({ label: `$(folder) ${name}`, description: t('all texts of the folder'), value: uri.fsPath })); // prettier-ignore
    const browse = [
      { label: `$(folder-opened) ${t('A folder…')}`, value: 'folder', alwaysShow: true },
      { label: `$(file-text) ${t('Files…')}`, value: 'files', alwaysShow: true },
    ];
    const placeholder = t('txt, md, jsonl, csv: texts without labels');
    const choice = await pick([...browse, ...folders], { title, placeholder }, position);
    if (choice === undefined || choice === back) return choice;
    if (choice !== 'folder' && choice !== 'files') return { ...answers, texts: [choice] };
    const isFolder = choice === 'folder';
    const found = await window.showOpenDialog({ title, canSelectFolders: isFolder, canSelectFiles: !isFolder, canSelectMany: true }); // prettier-ignore
    return found && { ...answers, texts: found.map(({ fsPath }) => fsPath) };
  };
}

function termsStep({ t }: Services): Step<Answers> {
  return async (answers, position) => {
    const title = t('Continue Pretraining: terms that are masked whole');
    const options: Option<string>[] = [
      { label: `$(circle-slash) ${t('None')}`, description: t('words as the segmenter parts them'), value: 'none' },
      { label: `$(file-text) ${t('A list of terms…')}`, description: t('a text file, a term a line'), value: 'file' },
    ];
    const choice = await pick(options, { title }, position);
    if (choice === undefined || choice === back) return choice;
    if (choice === 'none') return { ...answers, terms: null };
    const file = (await window.showOpenDialog({ title }))?.[0]?.fsPath;
    return file === undefined ? undefined : { ...answers, terms: file };
  };
}

function objectiveStep({ t }: Services): Step<Answers> {
  return async (answers, position) => {
    const options: Option<boolean>[] = [
      { label: t('Masked words'), description: t('masked language modelling'), value: false },
      { label: t('Masked words, order of words and sentences'), description: t('StructBERT’s three objectives'), value: true }, // prettier-ignore
    ];
    const choice = await pick(options, { title: t('Continue Pretraining: what is learned') }, position);
    return choice === undefined || choice === back ? choice : { ...answers, structBert: choice };
  };
}

function deviceStep(services: Services): Step<Answers> {
  return async (answers, position) => {
    const device = await pickDevice(services, services.t('Continue Pretraining: where'), position);
    return device === undefined || device === back ? device : { ...answers, device };
  };
}

/** In the workspace's folder, or beside the texts: never among them. */
async function save({ models }: Services, { model, texts, terms, structBert, device }: Answers): Promise<string> {
  const [first] = texts!;
  const folder = (workspace.getWorkspaceFolder(Uri.file(first)) ?? workspace.workspaceFolders?.[0])?.uri.fsPath ?? dirname(first); // prettier-ignore
  if (!existsSync(folder)) throw new MedTextError('NOT_FOUND', words`The folder ${folder} does not exist.`, { folder });
  const file = freeRecipeFile(first, folder, existsSync);
  const choices = { model: modelInRecipe(models, model!), texts: texts!, terms: terms ?? null, structBert: structBert!, device: device! }; // prettier-ignore
  await writeFile(file, pretrainingRecipeText(choices, file), { flag: 'wx' });
  return file;
}
