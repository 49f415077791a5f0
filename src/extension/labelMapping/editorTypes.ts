import type { CustomEditorType } from '../ids';

/** One editor under two names: a recipe opens as text unless asked otherwise, a labels file opens here. */
const editorTypes: Readonly<Record<string, CustomEditorType>> = {
  '.medtext.json': 'medtext.labelMapping',
  '.labels.json': 'medtext.labelsFile',
};

/** The editor that shows the file's labels; undefined for any other file. */
export function editorTypeOf(path: string): string | undefined {
  return Object.entries(editorTypes).find(([ending]) => path.endsWith(ending))?.[1];
}
