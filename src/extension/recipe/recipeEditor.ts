import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  CodeAction,
  CodeActionKind,
  CodeLens,
  Diagnostic,
  DiagnosticSeverity,
  Range,
  WorkspaceEdit,
  languages,
  workspace,
  type CodeActionProvider,
  type CodeLensProvider,
  type TextDocument,
} from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { workspaceDataFiles } from '../commands/asking';
import { findTask } from '../../protocol/tasks';
import type { CommandId } from '../ids';
import type { BaseServices } from '../baseServices';
import { modelInRecipe } from './modelInRecipe';
import { modelPositions } from './modelPositions';
import type { LocatedProblem } from './recipeProblems';

const debounceMs = 300;

export const isRecipe = (document: TextDocument): boolean =>
  document.uri.scheme === 'file' && document.fileName.endsWith('.medtext.json');

/** Checks recipes that are open as they are typed; their lenses and quick fixes. */
export function watchRecipes(services: BaseServices): CodeLensProvider & CodeActionProvider & Disposable {
  const store = new DisposableStore();
  const { t } = services;
  const collection = store.add(languages.createDiagnosticCollection('medtext'));
  const found = new Map<string, { version: number; entries: { diagnostic: Diagnostic; problem: LocatedProblem }[] }>();
  const timers = new Map<string, NodeJS.Timeout>();
  const check = async (document: TextDocument): Promise<void> => {
    const version = document.version;
    // Loaded with the first recipe: the schema's validator should not cost every window.
    const { problemsOfRecipe } = await import('./recipeProblems');
    const surroundings = {
      // Even to look for a path that a stranger wrote tells where this person is.
      exists: (path: string) => !workspace.isTrusted || existsSync(path),
      dataInfo: (file: string, sheet?: string) => services.dataInfo(file, sheet),
      dataFiles: async () => (await workspaceDataFiles()).map(({ fsPath }) => fsPath),
      positions: (folder: string) => (workspace.isTrusted ? modelPositions(folder) : undefined),
      modelFolders: () =>
        services.models
          .list()
          .flatMap(({ missing, folder }) => (missing ? [] : [modelInRecipe(services.models, folder)])),
    };
    const problems = await problemsOfRecipe(document.getText(), dirname(document.fileName), surroundings, t);
    if (document.isClosed || document.version !== version) return;
    const entries = problems.map((problem) => ({ problem, diagnostic: diagnosticOf(document, problem) }));
    found.set(document.uri.toString(), { version, entries });
    collection.set(
      document.uri,
      entries.map(({ diagnostic }) => diagnostic),
    );
  };
  const schedule = (document: TextDocument): void => {
    if (!isRecipe(document)) return;
    const key = document.uri.toString();
    clearTimeout(timers.get(key));
    timers.set(
      key,
      setTimeout(() => {
        timers.delete(key);
        check(document).catch((error: Error) => services.log.warn(`recipe check: ${error.message}`));
      }, debounceMs),
    );
  };
  store.add({ dispose: () => timers.forEach((timer) => clearTimeout(timer)) });
  store.add(workspace.onDidOpenTextDocument(schedule));
  store.add(workspace.onDidChangeTextDocument(({ document }) => schedule(document)));
  store.add(workspace.onDidGrantWorkspaceTrust(() => workspace.textDocuments.forEach(schedule)));
  store.add(workspace.onDidSaveTextDocument(() => workspace.textDocuments.forEach(schedule)));
  store.add(
    workspace.onDidCloseTextDocument(({ uri }) => {
      collection.delete(uri);
      found.delete(uri.toString());
    }),
  );
  workspace.textDocuments.forEach(schedule);

  return {
    provideCodeLenses(document) {
      const top = new Range(0, 0, 0, 0);
      const lens = (title: string, command: CommandId) =>
        new CodeLens(top, { title, command, arguments: [document.uri] });
      if (findTask(taskIn(document))?.reads === 'corpus')
        return [lens(`$(play) ${t('Start Pretraining')}`, 'medtext.runRecipe')];
      return [
        lens(`$(play) ${t('Fine-tune')}`, 'medtext.runRecipe'),
        lens(t('Preview data'), 'medtext.previewData'),
        lens(t('Map labels'), 'medtext.mapLabels'),
      ];
    },
    provideCodeActions(document, range) {
      const { version, entries = [] } = found.get(document.uri.toString()) ?? {};
      // Of another text the places are others: the check that is under way finds the fixes anew.
      if (version !== document.version) return [];
      return entries
        .filter(({ diagnostic }) => diagnostic.range.intersection(range))
        .flatMap(({ diagnostic, problem }) => problem.fixes.map((fix) => actionOf(document, diagnostic, fix)));
    },
    dispose: () => store.dispose(),
  };
}

/** By the text alone: a parser should not cost every window. */
function taskIn(document: TextDocument): string | undefined {
  return /"task"\s*:\s*"([^"]*)"/.exec(document.getText())?.[1];
}

function diagnosticOf(document: TextDocument, { start, end, message, severity }: LocatedProblem): Diagnostic {
  const range = new Range(document.positionAt(start), document.positionAt(end));
  const diagnostic = new Diagnostic(
    range,
    message,
    severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
  );
  diagnostic.source = 'MedText Lab';
  return diagnostic;
}

function actionOf(document: TextDocument, diagnostic: Diagnostic, fix: LocatedProblem['fixes'][number]): CodeAction {
  const action = new CodeAction(fix.title, CodeActionKind.QuickFix);
  action.edit = new WorkspaceEdit();
  const { at } = fix;
  const range = at ? new Range(document.positionAt(at.start), document.positionAt(at.end)) : diagnostic.range;
  action.edit.replace(document.uri, range, fix.replacement);
  action.diagnostics = [diagnostic];
  return action;
}
