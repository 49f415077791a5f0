import { window, type CustomTextEditorProvider } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import type { BaseServices } from '../baseServices';
import { editorTypes } from './editorTypes';

/** The editor of recipes' labels and of `*.labels.json`; its parts load with the first one that opens. */
export function registerLabelMappingEditor(services: BaseServices): Disposable {
  const store = new DisposableStore();
  const provider: CustomTextEditorProvider = {
    async resolveCustomTextEditor(document, panel) {
      const { MappingSession } = await import('./mappingSession');
      const session = new MappingSession(document, panel, services);
      panel.onDidDispose(() => session.dispose());
    },
  };
  for (const type of Object.values(editorTypes)) {
    store.add(window.registerCustomEditorProvider(type, provider, { supportsMultipleEditorsPerDocument: true }));
  }
  return store;
}
