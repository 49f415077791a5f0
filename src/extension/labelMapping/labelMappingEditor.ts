import type { CustomTextEditorProvider } from 'vscode';
import type { BaseServices } from '../baseServices';

/** The editor of recipes' labels and of `*.labels.json`; its parts load with the first one that opens. */
export function labelMappingEditor(services: BaseServices): CustomTextEditorProvider {
  return {
    async resolveCustomTextEditor(document, panel) {
      const { MappingSession } = await import('./mappingSession');
      const session = new MappingSession(document, panel, services);
      panel.onDidDispose(() => session.dispose());
    },
  };
}
