/** The columns of a data file for a model: recognised, or asked for where nothing was. */
import { basename } from 'node:path';
import { window } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import type { Translate } from '../../base/translate';
import { ANSWERS } from '../../protocol/answers';
import { contentText } from '../../protocol/columnWords';
import type { DataInfo } from '../../protocol/scorer';
import { findTask } from '../../protocol/tasks';
import { modelUse } from '../datasetPreview/modelUse';
import type { ListedModel } from '../modelStore';

/** What of it a person had to name. */
export interface NamedColumns {
  readonly first?: string;
  readonly second?: string;
  readonly label?: string;
  /** Meaning of an entity’s end. */
  readonly spanEnd?: 'inclusive' | 'exclusive';
}

/**
 * Asks for the columns that the model needs and that were not recognised.
 * @param needsLabel of a file whose labels are compared; predictions are written into a column of their own otherwise
 * @returns undefined when the person gave up
 * @throws NOT_FOUND for a file that has too few columns
 */
export async function columnsFor(
  info: DataInfo,
  model: Pick<ListedModel, 'folder' | 'name'>,
  needsLabel: boolean,
  t: Translate,
): Promise<NamedColumns | undefined> {
  const use = modelUse(model.folder);
  const task = findTask(use.task);
  // Entities and texts as they are have forms of their own, which the reader knows, but for what an end may mean.
  if (task && ANSWERS[task.answer].column !== 'cells')
    return info.entities?.endsAreTold === false ? spanEndOf(info, t) : {};
  const isPair = use.second === 'required';
  const roles = [
    ['first', isPair ? t('Column of the first text') : t('Column of the text'), true],
    ['second', t('Column of the second text'), isPair],
    ['label', t('Column of the label'), needsLabel],
  ] as const;
  const named: Record<string, string> = {};
  for (const [role, title, isNeeded] of roles) {
    if (!isNeeded || info[role] !== undefined) continue;
    const taken = new Set([
      info.first,
      info.second,
      ...(role === 'label' ? [] : [info.label]),
      ...Object.values(named),
    ]);
    const free = info.columns.filter((column) => !taken.has(column));
    if (free.length === 0) {
      const file = basename(info.file);
      throw role === 'label'
        ? new MedTextError('NOT_FOUND', words`${file} has no label column to compare with. Predict File… adds one.`)
        : new MedTextError('NOT_FOUND', words`${file} has ${info.columns.length} columns; ${model.name} needs a second text.`); // prettier-ignore
    }
    const items = free.map((label) => ({ label, description: factsText(info, label, t) }));
    const choice = await window.showQuickPick(items, { title: `${basename(info.file)}: ${title}` });
    if (!choice) return undefined;
    named[role] = choice.label;
  }
  return named;
}

/** What the end of an entity can be, in words. */
export const spanEnds = (t: Translate) =>
  [
    { label: t('The character after it'), description: t('text[start:end] in Python, as doccano writes'), value: 'exclusive' },
    { label: t('Its last character'), description: t('text[start:end+1] in Python, as CMeEE has it'), value: 'inclusive' },
  ] as const; // prettier-ignore

async function spanEndOf({ file }: DataInfo, t: Translate): Promise<NamedColumns | undefined> {
  const title = `${basename(file)}: ${t('Meaning of an entity’s end')}`;
  const choice = await window.showQuickPick(spanEnds(t), { title });
  return choice && { spanEnd: choice.value };
}

function factsText({ facts = [] }: DataInfo, name: string, t: Translate): string {
  const column = facts.find((one) => one.name === name);
  return column ? contentText(column, t) : '';
}
