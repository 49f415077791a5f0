import { commands, window, type CustomDocument, type CustomReadonlyEditorProvider, type Uri } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import type { BaseServices } from '../baseServices';

/** As package.json names the editor. */
const editorType = 'medtext.datasetPreview';

export interface DatasetPreviews extends Disposable {
  /** Opens a data file's rows in an editor tab. @param recipe says how to read it, and which files belong to it */
  open(file: Uri, recipe?: Uri): Promise<void>;
}

/** The read-only editor of data files; its parts load with the first one that opens. */
export function registerDatasetPreview(services: BaseServices): DatasetPreviews {
  const store = new DisposableStore();
  // An editor is opened by its file alone: which recipe asked for it waits here until the editor is there.
  const asked = new Map<string, Uri>();
  const provider: CustomReadonlyEditorProvider<CustomDocument> = {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    async resolveCustomEditor({ uri }, panel) {
      const { PreviewEditor } = await import('./previewEditor');
      const recipe = asked.get(uri.toString());
      asked.delete(uri.toString());
      const editor = await PreviewEditor.create(uri, recipe, panel, services);
      panel.onDidDispose(() => editor.dispose());
    },
  };
  store.add(window.registerCustomEditorProvider(editorType, provider, { supportsMultipleEditorsPerDocument: true }));
  return {
    async open(file, recipe) {
      if (recipe) asked.set(file.toString(), recipe);
      await commands.executeCommand('vscode.openWith', file, editorType);
    },
    dispose: () => store.dispose(),
  };
}
