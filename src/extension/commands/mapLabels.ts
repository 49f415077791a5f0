import { dirname, resolve } from 'node:path';
import { Range, Uri, WorkspaceEdit, window, workspace } from 'vscode';
import { MedTextError } from '../../base/errors';
import type { Services } from '../services';

/** Asks, for each raw value of the label column, which label it becomes, and writes labels and mapping into the recipe. */
export async function mapLabels(services: Services, target?: unknown): Promise<void> {
  const { t, scorer } = services;
  const uri = target instanceof Uri ? target : window.activeTextEditor?.document.uri;
  if (!uri?.fsPath.endsWith('.medtext.json')) throw new MedTextError('USAGE', t('Open a recipe first.'));
  const document = await workspace.openTextDocument(uri);
  const text = document.getText();
  const recipe = JSON.parse(text) as { dataset: { train: { file: string; labels?: unknown[] } } };
  const info = await scorer.request('dataInfo', { file: resolve(dirname(uri.fsPath), recipe.dataset.train.file) });
  if (!info.labels)
    throw new MedTextError('LABELS', t('No label column was recognised in {0}.', recipe.dataset.train.file));

  const targets = new Set((recipe.dataset.train.labels ?? []).map(String));
  const mapping: Record<string, string | null> = {};
  for (const [index, { value, count }] of info.labels.entries()) {
    const keep = { label: t('Keep as {0}', value), value: value as string | null | undefined };
    const others = [...targets]
      .filter((label) => label !== value)
      .map((label) => ({ label: `→ ${label}`, value: label }));
    const rename = { label: t('Another name…'), value: undefined };
    const drop = { label: t('Drop these rows'), value: null };
    const title = t('Label {0} ({1} rows), {2} of {3}', value, count, index + 1, info.labels.length);
    const choice = await window.showQuickPick([keep, ...others, rename, drop], { title, ignoreFocusOut: true });
    if (!choice) return;
    const label = choice.value === undefined ? await window.showInputBox({ title, value }) : choice.value;
    if (label === undefined) return;
    mapping[value] = label;
    if (label !== null) targets.add(label);
  }
  const { withLabelMapping } = await import('../recipe/withLabelMapping');
  const changed = withLabelMapping(text, mapping);
  const edit = new WorkspaceEdit();
  edit.replace(uri, new Range(document.positionAt(0), document.positionAt(text.length)), changed);
  await workspace.applyEdit(edit);
  await window.showTextDocument(document);
}
