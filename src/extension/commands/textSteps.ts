/** Questions that continued pretraining and a longer vocabulary have in common: model, texts, terms. */
import { basename } from 'node:path';
import { window, workspace } from 'vscode';
import { contentText } from '../../protocol/columnWords';
import type { Services } from '../services';
import { pickModel } from './pickModel';
import { back, pick, type Option, type Step } from './steps';

export interface TextAnswers {
  readonly model?: string;
  /** Files and folders. */
  readonly texts?: readonly string[];
  /** The column of tables among the texts, where they have several. */
  readonly column?: string;
  /** A list of terms; null: none. */
  readonly terms?: string | null;
}

/** What the command was started with is not asked. */
export function modelStep<A extends TextAnswers>(services: Services, title: string, given: TextAnswers): Step<A> {
  return async (answers, position) => {
    if (given.model !== undefined) return answers;
    const model = await pickModel(services, title, [], position);
    return model === undefined || model === back ? model : { ...answers, model };
  };
}

export function textsStep<A extends TextAnswers>({ t }: Services, title: string, given: TextAnswers): Step<A> {
  return async (answers, position) => {
    if (given.texts !== undefined) return answers;
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

/** Files of rows, as src/data/corpus/corpusFiles.ts reads them. */
const TABLE = /\.(jsonl|ndjson|json|csv|tsv|xlsx|parquet)$/i;

/** Nothing is asked of texts without a table of several columns. Tables in a folder are left to the reader, which names the field. */
export function columnStep<A extends TextAnswers>({ t, dataInfo }: Services, title: string): Step<A> {
  return async (answers, position) => {
    const table = answers.texts?.find((path) => TABLE.test(path));
    const info = table === undefined ? undefined : await dataInfo(table);
    if (table === undefined || info === undefined || info.columns.length < 2) return answers;
    const factsOf = (name: string) => info.facts?.find((one) => one.name === name);
    const options = info.columns.map((name) => {
      const facts = factsOf(name);
      return { label: name, description: facts && contentText(facts, t), value: name };
    });
    const preferred = info.first ?? info.columns.find((name) => factsOf(name)?.kind === 'text');
    const placeholder = t('The column of {0} that holds the text', basename(table));
    const column = await pick(options, { title, placeholder, preferred }, position);
    return column === undefined || column === back ? column : { ...answers, column };
  };
}

export function termsStep<A extends TextAnswers>({ t }: Services, title: string): Step<A> {
  return async (answers, position) => {
    const options: Option<string>[] = [
      {
        label: `$(circle-slash) ${t('None')}`,
        description: t('only the words that the segmenter finds'),
        value: 'none',
      },
      { label: `$(file-text) ${t('A list of terms…')}`, description: t('a text file, a term a line'), value: 'file' },
    ];
    const choice = await pick(options, { title }, position);
    if (choice === undefined || choice === back) return choice;
    if (choice === 'none') return { ...answers, terms: null };
    const file = (await window.showOpenDialog({ title }))?.[0]?.fsPath;
    return file === undefined ? undefined : { ...answers, terms: file };
  };
}
