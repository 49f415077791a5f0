/** One editor under two names: a recipe opens as text unless asked otherwise, a labels file opens here. */
export const editorTypes = { '.medtext.json': 'medtext.labelMapping', '.labels.json': 'medtext.labelsFile' } as const;

/** The editor that shows the file's labels; undefined for any other file. */
export function editorTypeOf(path: string): string | undefined {
  return Object.entries(editorTypes).find(([ending]) => path.endsWith(ending))?.[1];
}
