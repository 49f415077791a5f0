import { commands, type CustomDocument, type CustomReadonlyEditorProvider, type Uri } from 'vscode';
import type { BaseServices } from '../baseServices';
import type { CustomEditorType } from '../ids';

const editorType: CustomEditorType = 'medtext.datasetPreview';

/** The read-only editor of data files. */
export interface DatasetPreviews extends CustomReadonlyEditorProvider<CustomDocument> {
  /** Opens a data file's rows in an editor tab. @param recipe says how to read it, and which files belong to it */
  open(file: Uri, recipe?: Uri): Promise<void>;
}

/** The editor's parts load with the first one that opens. */
export function createDatasetPreviews(services: BaseServices): DatasetPreviews {
  // An editor is opened by its file alone: which recipe asked for it waits here until the editor is there.
  const asked = new Map<string, Uri>();
  return {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    async resolveCustomEditor({ uri }, panel) {
      const { PreviewEditor } = await import('./previewEditor');
      const recipe = asked.get(uri.toString());
      asked.delete(uri.toString());
      const editor = await PreviewEditor.create(uri, recipe, panel, services);
      panel.onDidDispose(() => editor.dispose());
    },
    async open(file, recipe) {
      if (recipe) asked.set(file.toString(), recipe);
      await commands.executeCommand('vscode.openWith', file, editorType);
    },
  };
}
