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
import { isModel } from './modelCommands';
import { pickDevice } from './pickModel';
import { runRecipe } from './runCommands';
import { back, pick, runSteps, type Option, type Step } from './steps';
import { columnStep, modelStep, termsStep, textsStep, type TextAnswers } from './textSteps';

interface Answers extends TextAnswers {
  readonly structBert?: boolean;
  readonly device?: Device;
}

/**
 * Asks for model, texts, terms, objectives and device; ends in a saved recipe that opens in the editor, as Fine-Tune Encoder does.
 * @param target the model, or a text of the explorer
 * @param targets all chosen texts
 */
export async function pretrain(services: Services, target?: unknown, targets?: unknown): Promise<void> {
  const { t } = services;
  if (!(await requireTrust(t))) return;
  const chosen = Array.isArray(targets) && targets.length > 0 ? targets : [target];
  const given = chosen.flatMap((one) => (one instanceof Uri ? [one.fsPath] : []));
  const known: Answers = {
    ...(isModel(target) && { model: target.folder }),
    ...(given.length > 0 && { texts: given }),
  };
  const answers = await runSteps<Answers>(
    [
      modelStep(services, t('Continue Pretraining: model'), known),
      textsStep(services, t('Continue Pretraining: texts'), known),
      columnStep(services, t('Continue Pretraining: column')),
      termsStep(services, t('Continue Pretraining: terms to mask as a whole')),
      objectiveStep(services),
      deviceStep(services),
    ],
    known,
  );
  if (!answers) return;
  const file = await save(services, answers);
  await window.showTextDocument(Uri.file(file), { preview: false });
  const start = t('Start Pretraining');
  if ((await showInformation(t('{0} is ready.', basename(file)), start)) === start) await runRecipe(services, Uri.file(file)); // prettier-ignore
}

function objectiveStep({ t }: Services): Step<Answers> {
  return async (answers, position) => {
    const options: Option<boolean>[] = [
      { label: t('Masked words'), description: t('masked language modelling'), value: false },
      { label: t('Masked words, order of words and sentences'), description: t('StructBERT’s three objectives'), value: true }, // prettier-ignore
    ];
    const choice = await pick(options, { title: t('Continue Pretraining: objectives') }, position);
    return choice === undefined || choice === back ? choice : { ...answers, structBert: choice };
  };
}

function deviceStep(services: Services): Step<Answers> {
  return async (answers, position) => {
    const device = await pickDevice(services, services.t('Continue Pretraining: device'), position);
    return device === undefined || device === back ? device : { ...answers, device };
  };
}

/** In the workspace's folder, or beside the texts: never among them. */
async function save(
  { models }: Services,
  { model, texts, column, terms, structBert, device }: Answers,
): Promise<string> {
  const [first] = texts!;
  const folder = (workspace.getWorkspaceFolder(Uri.file(first)) ?? workspace.workspaceFolders?.[0])?.uri.fsPath ?? dirname(first); // prettier-ignore
  if (!existsSync(folder)) throw new MedTextError('NOT_FOUND', words`The folder ${folder} does not exist.`, { folder });
  const file = freeRecipeFile(first, folder, existsSync);
  const choices = { model: modelInRecipe(models, model!), texts: texts!, column, terms: terms ?? null, structBert: structBert!, device: device! }; // prettier-ignore
  await writeFile(file, pretrainingRecipeText(choices, file), { flag: 'wx' });
  return file;
}
