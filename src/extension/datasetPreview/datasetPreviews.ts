import { commands, type CustomDocument, type CustomReadonlyEditorProvider, type Uri } from 'vscode';
import type { ViewQuery } from '../../protocol/datasetPreview';
import type { BaseServices } from '../baseServices';
import type { CustomEditorType } from '../ids';
import type { PreviewEditor } from './previewEditor';

/** The kind of editor: the default one for a file that a text editor cannot show, a further one for text. */
const editorTypeOf = ({ path }: Uri): CustomEditorType =>
  /\.(xlsx|parquet)$/i.test(path) ? 'medtext.tablePreview' : 'medtext.datasetPreview';

/** The read-only editor of data files. */
export interface DatasetPreviews extends CustomReadonlyEditorProvider<CustomDocument> {
  /**
   * Opens a data file's rows in an editor tab.
   * @param recipe says how to read it, and which files belong to it
   * @param query the rows to show; of all where it is absent
   * @param sheet of a workbook; absent: as the recipe says, else the first visible one
   */
  open(file: Uri, recipe?: Uri, query?: ViewQuery, sheet?: string): Promise<void>;
}

/** What a preview is asked to show when it opens. */
interface Asked {
  readonly recipe?: Uri;
  readonly query?: ViewQuery;
  readonly sheet?: string;
}

/** The editor's parts load with the first one that opens. */
export function createDatasetPreviews(services: BaseServices): DatasetPreviews {
  // An editor is opened by its file alone: which recipe asked for it waits here until the editor is there.
  const asked = new Map<string, Asked>();
  const opened = new Map<string, PreviewEditor>();
  return {
    openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
    async resolveCustomEditor({ uri }, panel) {
      const { PreviewEditor } = await import('./previewEditor');
      const key = uri.toString();
      const { recipe, query, sheet } = asked.get(key) ?? {};
      asked.delete(key);
      const editor = await PreviewEditor.create(uri, recipe, panel, services, { query, sheet });
      opened.set(key, editor);
      panel.onDidDispose(() => {
        if (opened.get(key) === editor) opened.delete(key);
        editor.dispose();
      });
    },
    async open(file, recipe, query, sheet) {
      const editor = opened.get(file.toString());
      if (!editor) asked.set(file.toString(), { recipe, query, sheet });
      else await editor.show({ query, sheet });
      await commands.executeCommand('vscode.openWith', file, editorTypeOf(file));
    },
  };
}
