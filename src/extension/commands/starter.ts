/** The encoder that comes with the extension, and the sample project that shows what can be done with it. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Uri, commands, window, workspace } from 'vscode';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import type { ListedModel } from '../modelStore';
import { modelsFolder } from '../modelsFolder';
import type { Services } from '../services';
import { showInformation } from '../messages';
import { tellErrorOf } from '../tellError';
import { requireTrust } from './asking';
import { withJob } from './importCommands';

/** One unpacking at a time, whoever asks. */
let unpacking: Promise<ListedModel> | undefined;

/** The starter as a listed model; unpacked into the library at its first use. @throws what the library process throws. */
export function starterModel(services: Services): Promise<ListedModel> {
  unpacking ??= unpack(services).finally(() => (unpacking = undefined));
  return unpacking;
}

async function unpack(services: Services): Promise<ListedModel> {
  const { library, models, t } = services;
  const { folder } = await withJob(services, t('Unpacking the starter encoder'), (job, signal) =>
    library.request('starter', { models: modelsFolder(), job }, signal),
  );
  models.refresh();
  const model = models.list().find((one) => one.folder === folder);
  if (!model) throw new MedTextError('NOT_FOUND', words`The model folder ${folder} does not exist.`, { folder });
  return model;
}

/** The active model, else the starter; undefined where that cannot be had, which the log says. */
export async function activeOrStarter(services: Services): Promise<ListedModel | undefined> {
  const active = services.models.active();
  if (active) return active;
  try {
    return await starterModel(services);
  } catch (error) {
    services.log.warn(`The starter encoder: ${asMedTextError(error).message}`);
    return undefined;
  }
}

/** What the sample project is made of, below `samples/` of the extension. */
const SAMPLE_FILES = ['train.json', 'validation.json', 'test.json', 'README.md'].map((name) => `medical-pairs/${name}`);
const SAMPLE_RECIPE = 'starter.medtext.json';

/** Copies the sample project into a folder that the person picks, and opens it. */
export async function trySample(services: Services): Promise<void> {
  const { context, t } = services;
  if (!(await requireTrust(t))) return;
  const title = t('Try the Sample: where to put its folder');
  const parent = (
    await window.showOpenDialog({
      ...{ canSelectFolders: true, canSelectFiles: false, title, openLabel: t('Put It Here') },
      defaultUri: workspace.workspaceFolders?.[0]?.uri,
    })
  )?.[0]?.fsPath;
  if (parent === undefined) return;
  const model = await starterModel(services);
  const folder = freeFolder(parent);
  const samples = join(context.extensionPath, 'samples');
  for (const file of SAMPLE_FILES) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(samples, file), join(folder, file));
  }
  const recipe = JSON.parse(await readFile(join(samples, SAMPLE_RECIPE), 'utf8')) as Record<string, unknown>;
  const own = { ...recipe, model: model.folder, work_dir: 'runs' };
  const recipeFile = Uri.file(join(folder, SAMPLE_RECIPE));
  await writeFile(recipeFile.fsPath, `${JSON.stringify(own, undefined, 2)}\n`, { flag: 'wx' });
  await writeFile(join(folder, t('sample.md')), sampleText(t), { flag: 'wx' });
  // What there is to see, a tab each; the text that says what to do comes last, in front.
  await services.datasetPreviews.open(Uri.file(join(folder, SAMPLE_FILES[0])), recipeFile);
  await window.showTextDocument(recipeFile, { preview: false });
  await window.showTextDocument(Uri.file(join(folder, t('sample.md'))), { preview: false });
  tellErrorOf(services, 'sample', tellSample(services, folder, recipeFile));
}

/** What to press next. */
async function tellSample({ t }: Services, folder: string, recipe: Uri): Promise<void> {
  const start = t('Start Fine-Tuning');
  const open = t('Open the Folder');
  const isInside = workspace.getWorkspaceFolder(recipe) !== undefined;
  const told = t('The sample is in {0}. Hover over a question to see scores, or fine-tune on its pairs, which takes a few minutes.', folder); // prettier-ignore
  const choice = await showInformation(told, start, ...(isInside ? [] : [open]));
  if (choice === start) await commands.executeCommand('medtext.runRecipe', recipe);
  if (choice === open) await commands.executeCommand('vscode.openFolder', Uri.file(folder), { forceNewWindow: true });
}

/** Sentences to hover over; what to do next. */
function sampleText(t: Services['t']): string {
  return [
    `# ${t('MedText Lab: a sample')}`,
    t('Hover over a question below. The hover lists the most similar questions of this document. Set one as the reference to compare with it.'),
    ['肺炎怎么治疗？', '肺炎的治疗方法有哪些？', '糖尿病人能吃西瓜吗？', '得了糖尿病可以吃西瓜吗？', '高血压有什么症状？', '血压高会有哪些表现？', '胃镜检查前要空腹吗？', '颈椎病应该挂什么科？'].map((line) => `- ${line}`).join('\n'), // prettier-ignore
    t('The training data are pairs of questions in train.json. The settings of the training are in starter.medtext.json. Press “Fine-tune” above its first line, or Start in the Training view. A model fine-tuned on pairs is more accurate than a cosine.'),
  ].join('\n\n').concat('\n'); // prettier-ignore
}

function freeFolder(parent: string): string {
  for (let number = 1; ; number++) {
    const folder = join(parent, number === 1 ? 'medtext-sample' : `medtext-sample-${number}`);
    if (!existsSync(folder)) return folder;
  }
}
