import { commands, type CustomDocument, type CustomReadonlyEditorProvider, type Uri } from 'vscode';
import type { ViewQuery } from '../../protocol/datasetPreview';
import type { BaseServices } from '../baseServices';
import type { CustomEditorType } from '../ids';
import type { PreviewEditor } from './previewEditor';

const editorType: CustomEditorType = 'medtext.datasetPreview';

/** The read-only editor of data files. */
export interface DatasetPreviews extends CustomReadonlyEditorProvider<CustomDocument> {
  /**
   * Opens a data file's rows in an editor tab.
   * @param recipe says how to read it, and which files belong to it
   * @param query the rows to show; of all where it is absent
   */
  open(file: Uri, recipe?: Uri, query?: ViewQuery): Promise<void>;
}

/** The editor's parts load with the first one that opens. */
export function createDatasetPreviews(services: BaseServices): DatasetPreviews {
  // An editor is opened by its file alone: which recipe asked for it waits here until the editor is there.
  const asked = new Map<string, { readonly recipe?: Uri; readonly query?: ViewQuery }>();
  const opened = new Map<string, PreviewEditor>();
  return {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    async resolveCustomEditor({ uri }, panel) {
      const { PreviewEditor } = await import('./previewEditor');
      const key = uri.toString();
      const { recipe, query } = asked.get(key) ?? {};
      asked.delete(key);
      const editor = await PreviewEditor.create(uri, recipe, panel, services, query);
      opened.set(key, editor);
      panel.onDidDispose(() => {
        if (opened.get(key) === editor) opened.delete(key);
        editor.dispose();
      });
    },
    async open(file, recipe, query) {
      const editor = opened.get(file.toString());
      if (!editor) asked.set(file.toString(), { recipe, query });
      else if (query) editor.show(query);
      await commands.executeCommand('vscode.openWith', file, editorType);
    },
  };
}
