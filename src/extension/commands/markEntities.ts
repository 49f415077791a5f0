import { window, type TextDocument } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import type { DocumentEntity } from '../entityMarks';
import { showInformation, showProgress } from '../messages';
import type { Services } from '../services';
import { chooseActiveModel } from './modelCommands';

/** A bound on a document's characters; Predict File reads longer ones. */
const MAX_CHARACTERS = 2_000_000;
/** Texts that are sent at once: between them the person can stop. */
const BATCH = 32;

/** Marks the entities of the document in the active editor; takes the marks away where it has some. */
export async function markEntities(services: Services): Promise<void> {
  const { t, entityMarks, models } = services;
  const editor = window.activeTextEditor;
  if (!editor) throw new MedTextError('USAGE', words`Open a text to mark its entities.`);
  const { document } = editor;
  if (entityMarks.clear(document)) return;
  if (!models.active()?.marksEntities) {
    const choose = t('Choose Active Model');
    const said = t('Marking needs a model that was fine-tuned to find entities.');
    if ((await showInformation(said, choose)) !== choose) return;
    if (!(await chooseActiveModel(services))?.marksEntities) return;
  }
  const { name } = models.active()!;
  const { version } = document;
  const found = await showProgress(t('Marking entities in {0}', document.fileName.split(/[\\/]/).at(-1)!), (signal, report) => entitiesOf(services, document, signal, report)); // prettier-ignore
  if (document.version !== version || document.isClosed) return;
  if (found.length === 0) {
    void showInformation(t('{0} finds no entities here.', name));
    return;
  }
  entityMarks.mark(document, found, name);
}

/** The document line by line, as texts of data are. */
async function entitiesOf(
  { scoring, models, t }: Services,
  document: TextDocument,
  signal: AbortSignal,
  report: (increment: number, message: string) => void,
): Promise<DocumentEntity[]> {
  const text = document.getText();
  if (text.length > MAX_CHARACTERS) {
    throw new MedTextError('UNSUPPORTED', words`The document has more than ${MAX_CHARACTERS} characters. Predict File… writes the entities of a whole file.`); // prettier-ignore
  }
  const lines = [...text.matchAll(/[^\r\n]*\S[^\r\n]*/g)].map(({ 0: line, index }) => ({ line, offset: index }));
  const found: DocumentEntity[] = [];
  const model = models.active()?.folder;
  for (let at = 0; at < lines.length; at += BATCH) {
    const batch = lines.slice(at, at + BATCH);
    // Marks of two models would stand under the name of one.
    if (models.active()?.folder !== model) throw new MedTextError('USAGE', words`Another model is active by now. Mark the entities again.`); // prettier-ignore
    const { entities } = await scoring.mark(batch.map(({ line }) => line), signal); // prettier-ignore
    entities.forEach((own, i) => found.push(...own.map((entity) => ({ ...entity, offset: batch[i].offset }))));
    report((100 * batch.length) / lines.length, t('{0} of {1} lines', Math.min(lines.length, at + BATCH), lines.length)); // prettier-ignore
  }
  return found;
}
