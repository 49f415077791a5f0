import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Uri, window, workspace } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { translated } from '../../base/words';
import { contentText } from '../../protocol/columnWords';
import { answerIn, comparesTexts, countsFor, signsOf, tasksOfRows } from '../../protocol/answers';
import type { Device } from '../../protocol/recipe';
import { describeTask, findTaskFor, type TaskName } from '../../protocol/tasks';
import type { DataInfo, LabelCounts, ShownColumn } from '../../protocol/scorer';
import { draftedLabels, freeRecipeFile, recipeText } from '../recipe/recipeDraft';
import { modelInRecipe } from '../recipe/modelInRecipe';
import type { Services } from '../services';
import { canBeData, dataFilters, dataGlob, fileItems, requireTrust } from './asking';
import { isModel } from './modelCommands';
import { askSheet, namedSheet } from './sheets';
import { spanEnds } from './columnsOfFile';
import { pickDevice, pickModel, section } from './pickModel';
import { runRecipe } from './runCommands';
import { askScale, isScaleOpen } from './similarityScale';
import { back, pick, runSteps, type Option, type Step } from './steps';
import { showInformation } from '../messages';

interface Answers {
  readonly recipe?: Uri;
  readonly model?: string;
  readonly train?: string;
  readonly info?: DataInfo;
  readonly first?: string;
  /** null: the task reads one sentence. */
  readonly second?: string | null;
  readonly label?: string;
  /** What the ends of entities are, where the file does not tell. */
  readonly spanEnd?: 'inclusive' | 'exclusive';
  /** The counts of the label column in the training data. */
  readonly counts?: LabelCounts;
  readonly validation?: string | null;
  /** The sheet of a workbook. */
  readonly validationSheet?: string;
  readonly task?: TaskName;
  /** What each label counts for in a similarity, as the person said; null: they are classes only. */
  readonly scale?: Readonly<Record<string, number>> | null;
  readonly device?: Device;
}

const none = '-';
const goBack = '<';
const ignored = '**/{node_modules,runs,dist,.git}/**';

/** The page on which all is recognised and can be changed. @param target training data, or a model, to begin with */
export async function openFineTune(services: Services, target?: unknown): Promise<void> {
  if (!(await requireTrust(services.t))) return;
  const train = target instanceof Uri ? target.fsPath : undefined;
  const model = isModel(target) ? target.folder : undefined;
  await services.fineTune.show({ ...(train !== undefined && { train }), ...(model !== undefined && { model }) });
}

/**
 * Asks for recipe or model, data, columns, task and device, every step with a way back; ends in a saved recipe that
 * opens in the editor, or in the run of an existing one.
 */
export async function fineTune(services: Services, target?: unknown): Promise<void> {
  const { t } = services;
  if (!(await requireTrust(t))) return;
  const given = target instanceof Uri ? target.fsPath : undefined;
  const model = isModel(target) ? target.folder : undefined;
  const answers = await runSteps<Answers>(
    [
      ...(model === undefined ? [recipeOrModel(services)] : []),
      dataStep(services, given),
      columnStep(services, 'first', t('Column of the text, or of the first text of the pair')),
      columnStep(services, 'second', t('Column of the second text')),
      labelStep(services),
      spanEndStep(services),
      validationStep(services),
      taskStep(services),
      scaleStep(services),
      deviceStep(services),
    ],
    model === undefined ? {} : { model },
  );
  if (!answers) return;
  if (answers.recipe) {
    await window.showTextDocument(answers.recipe);
    await runRecipe(services, answers.recipe);
    return;
  }
  const file = await save(services, answers);
  await window.showTextDocument(Uri.file(file), { preview: false });
  const start = t('Start Fine-Tuning');
  const choice = await showInformation(t('{0} is ready.', basename(file)), start);
  if (choice === start) await runRecipe(services, Uri.file(file));
}

function recipeOrModel(services: Services): Step<Answers> {
  const { t } = services;
  return async (answers, position) => {
    const recipes = fileItems(await workspace.findFiles('**/*.medtext.json', ignored, 50));
    const first: Option<string>[] = [
      ...section(t('Recipes')),
      ...recipes.map(({ label, description, uri }) => ({
        label: `$(play) ${label}`,
        description,
        value: `recipe:${uri}`,
      })),
    ];
    const model = await pickModel(services, t('Fine-Tune Encoder: recipe or model'), first, position);
    if (model === back) return back;
    if (model?.startsWith('recipe:')) return { recipe: Uri.parse(model.slice('recipe:'.length)) };
    return model === undefined ? undefined : { ...answers, recipe: undefined, model };
  };
}

function dataStep(services: Services, given: string | undefined): Step<Answers> {
  const { t, scorer } = services;
  return async (answers, position) => {
    if (answers.recipe) return answers;
    const train =
      given ?? (await pickData(services, t('Fine-Tune Encoder: training data'), position, undefined, false));
    if (train === undefined || train === back) return train;
    const info = await askSheet(await scorer.request('dataInfo', { file: train! }), services);
    return info === undefined ? back : { ...answers, train: train!, info };
  };
}

function columnStep({ t }: Services, role: 'first' | 'second' | 'label', placeholder: string): Step<Answers> {
  return async (answers, position) => {
    if (answers.recipe) return answers;
    const { info } = answers;
    // Entities are of one text.
    if (role === 'second' && info!.entities) return { ...answers, second: null };
    const taken = role === 'first' ? [] : [answers.first, ...(role === 'label' ? [answers.second] : [])];
    const columns = (info!.facts ?? []).filter(({ name }) => !taken.includes(name));
    const suits = ({ name, canBeText, canBeLabel }: ShownColumn): boolean =>
      name === info![role] || (role === 'label' ? canBeLabel : canBeText);
    const option = (column: ShownColumn): Option<string> => ({
      label: column.name,
      description: [column.name === info![role] ? t('recognised') : '', contentText(column, t)]
        .filter(Boolean)
        .join(', '),
      value: column.name,
    });
    const likely = columns.filter(suits).map(option);
    const others = columns.filter((column) => !suits(column)).map(option);
    const options: Option<string>[] = [
      ...likely,
      ...(role === 'second' ? [{ label: t('None: the task reads one text'), value: none, alwaysShow: true }] : []),
      // What comes first is chosen with Enter: nothing unlikely stands there.
      ...(likely.length === 0 && role !== 'second'
        ? [{ label: `$(arrow-left) ${t('Back: another file')}`, description: role === 'label' ? t('no column looks like a label') : t('no column looks like a text'), value: goBack, alwaysShow: true }] // prettier-ignore
        : []),
      ...(others.length > 0 ? [...section(t('Unlikely')), ...others] : []),
    ];
    const preferred = info![role] ?? (role === 'second' ? none : undefined);
    const title = t('Fine-Tune Encoder: columns of {0}', basename(answers.train!));
    const choice = await pick(options, { title, placeholder, preferred }, position);
    if (choice === undefined || choice === back) return choice;
    if (choice === goBack) return back;
    return { ...answers, [role]: role === 'second' && choice === none ? null : choice };
  };
}

/** With the raw labels of the column, from which task and labels are suggested. */
function labelStep(services: Services): Step<Answers> {
  const ask = columnStep(services, 'label', services.t('Column of the label'));
  return async (answers, position) => {
    const answered = await ask(answers, position);
    if (answered === undefined || answered === back || answered.recipe) return answered;
    return { ...answered, counts: await countsOf(services, answered.train!, answered.label!, answered.info!.sheet) };
  };
}

function countsOf({ scorer }: Services, file: string, label: string, sheet: string | undefined): Promise<LabelCounts> {
  return scorer.request('labelCounts', { split: { file, label, ...(sheet !== undefined && { sheet }) } });
}

function validationStep(services: Services): Step<Answers> {
  const { t } = services;
  return async (answers, position) => {
    if (answers.recipe) return answers;
    const choice = await pickData(services, t('Fine-Tune Encoder: validation data'), position, answers.train, true);
    if (choice === undefined || choice === back) return choice;
    const info = choice === null ? undefined : await services.dataInfo(choice);
    const validated = info && (await askSheet(info, services));
    if (info && !validated) return back;
    return { ...answers, validation: choice, validationSheet: namedSheet(validated) };
  };
}

/** Whether the label column that was chosen has entities. */
const marksEntities = ({ info, label }: Answers): boolean => info?.entities !== undefined && label === info.label;

/** Only asked where nothing in the file tells. */
function spanEndStep({ t }: Services): Step<Answers> {
  return async (answers, position) => {
    if (answers.recipe || !marksEntities(answers) || answers.info!.entities!.endsAreTold) return answers;
    const options: Option<'inclusive' | 'exclusive'>[] = [...spanEnds(t)];
    const title = t('Fine-Tune Encoder: meaning of an entity’s end');
    const choice = await pick(options, { title, preferred: undefined }, position);
    return choice === undefined || choice === back ? choice : { ...answers, spanEnd: choice };
  };
}

function taskStep({ t }: Services): Step<Answers> {
  return async (answers, position) => {
    if (answers.recipe) return answers;
    const pair = answers.second !== null;
    const signs = signsOf(answers.counts!, marksEntities(answers));
    const options = tasksOfRows(pair, signs).map(({ id, title, gives }): Option<TaskName> => ({
      label: translated(title, t),
      description: translated(gives, t),
      value: id,
    }));
    const suggested = findTaskFor(answerIn(signs).answer, pair);
    const preferred = options.some(({ value }) => value === suggested) ? suggested : options[0].value;
    const choice = await pick(options, { title: t('Fine-Tune Encoder: task'), preferred }, position);
    return choice === undefined || choice === back ? choice : { ...answers, task: choice };
  };
}

/** Asks which label of pairs means that the texts are alike; not where the labels' names tell. */
function scaleStep({ t }: Services): Step<Answers> {
  return async (answers) => {
    if (answers.recipe) return answers;
    const { labels = [] } = draftedLabels(answers.counts!);
    if (!comparesTexts(describeTask(answers.task!)) || !isScaleOpen(labels)) return answers;
    const scale = await askScale(labels, t);
    return scale === undefined ? undefined : { ...answers, scale };
  };
}

function deviceStep(services: Services): Step<Answers> {
  return async (answers, position) => {
    if (answers.recipe) return answers;
    const device = await pickDevice(services, services.t('Fine-Tune Encoder: device'), position);
    return device === undefined || device === back ? device : { ...answers, device };
  };
}

/** A data file of the workspace or elsewhere; null for none. Files of the other's folder come first. */
async function pickData(
  { t }: Services,
  title: string,
  position: Parameters<Step<Answers>>[1],
  other: string | undefined,
  optional: boolean,
) {
  const found = (await workspace.findFiles(dataGlob, ignored, 500)).filter(canBeData);
  const near = (path: string): number =>
    other === undefined
      ? 0
      : (dirname(path) === dirname(other) ? 2 : 0) + (/valid|dev|eval/i.test(basename(path)) ? 1 : 0);
  const files: Option<string | null>[] = fileItems(found)
    .filter(({ uri }) => uri.fsPath !== other)
    .sort((a, b) => near(b.uri.fsPath) - near(a.uri.fsPath))
    .map(({ label, description, uri }) => ({ label, description, value: uri.fsPath }));
  const without: Option<string | null>[] = optional ? [{ label: `$(circle-slash) ${t('None')}`, value: null, alwaysShow: true }] : []; // prettier-ignore
  // A file that is not called so is no guess: the first of a folder may be anything.
  const isGuessed = files.length > 0 && near(files[0].value!) === 3;
  const browse: Option<string | null> = { label: `$(folder-opened) ${t('Browse…')}`, value: '', alwaysShow: true };
  const options = isGuessed ? [...files, ...without, browse] : [...without, ...files, browse];
  const choice = await pick(options, { title }, position);
  if (choice !== '') return choice;
  return (await window.showOpenDialog({ title, filters: dataFilters(t) }))?.[0]?.fsPath;
}

async function save(
  services: Services,
  {
    model,
    train,
    info,
    counts,
    first,
    second,
    label,
    spanEnd,
    validation,
    validationSheet,
    task,
    scale,
    device,
  }: Answers,
): Promise<string> {
  const trainUri = Uri.file(train!);
  const folder =
    (workspace.getWorkspaceFolder(trainUri) ?? workspace.workspaceFolders?.[0])?.uri.fsPath ?? dirname(train!);
  if (!existsSync(folder)) throw new MedTextError('NOT_FOUND', words`The folder ${folder} does not exist.`, { folder });
  const file = freeRecipeFile(train!, folder, existsSync);
  const { answer } = describeTask(task!);
  const counted = countsFor(answer, counts!);
  const choices = {
    model: modelInRecipe(services.models, model!),
    trainFile: train!,
    trainSheet: namedSheet(info),
    validationFile: validation ?? undefined,
    validationSheet,
    task: task!,
    first: first!,
    second: second ?? undefined,
    label: label!,
    ...(spanEnd && { spanEnd }),
    // A column that the file lacks is said where the recipe is open.
    ...draftedLabels(
      counted,
      validation
        ? await countsOf(services, validation, label!, validationSheet).then(
            (found) => countsFor(answer, found),
            () => undefined,
          )
        : undefined,
    ),
    labelSeparator: counted.several?.separator,
    ...(scale && { scale }),
    device: device!,
  };
  await writeFile(file, recipeText(choices, file), { flag: 'wx' });
  return file;
}
