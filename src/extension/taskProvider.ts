import { resolve } from 'node:path';
import {
  CustomExecution,
  EventEmitter,
  Task,
  TaskGroup,
  TaskScope,
  Uri,
  workspace,
  type Pseudoterminal,
  type TaskDefinition,
  type TaskProvider,
  type WorkspaceFolder,
} from 'vscode';
import { asMedTextError } from '../base/errors';
import { withoutControls } from '../base/plainText';
import { errorText } from '../protocol/errorWords';
import { phaseText } from '../protocol/runWords';
import { runRecipe } from './commands/runCommands';
import { taskType as type } from './ids';
import type { Services } from './services';
import { statusText } from './statusText';

interface RecipeTask extends TaskDefinition {
  readonly type: typeof type;
  readonly recipe: string;
}

/** A recipe as a VS Code task: `{"type": "medtext", "recipe": "pairs.medtext.json"}`. */
export function taskProvider(services: Services): TaskProvider {
  return {
    async provideTasks() {
      const recipes = await workspace.findFiles('**/*.medtext.json', '**/{node_modules,runs,dist,.git}/**', 100);
      return recipes.map((uri) => {
        const folder = workspace.getWorkspaceFolder(uri);
        return taskOf(services, { type, recipe: workspace.asRelativePath(uri, false) }, folder);
      });
    },
    resolveTask({ definition, scope }) {
      if (typeof definition.recipe !== 'string') return undefined;
      const folder = typeof scope === 'object' ? scope : workspace.workspaceFolders?.[0];
      return taskOf(services, definition as RecipeTask, folder);
    },
  };
}

function taskOf(services: Services, definition: RecipeTask, folder: WorkspaceFolder | undefined): Task {
  const uri = Uri.file(resolve(folder?.uri.fsPath ?? '', definition.recipe));
  const execution = new CustomExecution(async () => recipeTerminal(services, uri));
  const task = new Task(definition, folder ?? TaskScope.Workspace, definition.recipe, 'medtext', execution, []);
  task.group = TaskGroup.Build;
  return task;
}

function recipeTerminal(services: Services, recipe: Uri): Pseudoterminal {
  const output = new EventEmitter<string>();
  const print = (text: string): void => output.fire(`${withoutControls(text).replace(/\r?\n/g, '\r\n')}\r\n`);
  const closing = new EventEmitter<number>();
  const { training, log, t } = services;
  let isRunning = false;
  const run = async (): Promise<number> => {
    let last = 0;
    const subscription = training.onDidChange((state) => {
      const text = statusText(state, t);
      if (text === undefined || Date.now() - last < 1000) return;
      last = Date.now();
      print(text);
    });
    try {
      // A terminal that is closed stops its own training, never another's that was in its way.
      isRunning = !training.isActive;
      const outcome = await runRecipe(services, recipe);
      if (!outcome) return 1;
      const { status, error, result } = outcome;
      print(`${phaseText(status, t)}${error ? `: ${error.code}: ${errorText(error, t)}` : ''}`);
      if (result?.model) print(result.model);
      return status === 'finished' ? 0 : 1;
    } catch (error) {
      const known = asMedTextError(error);
      print(`error: ${known.code}: ${errorText(known, t)}`);
      return 1;
    } finally {
      isRunning = false;
      subscription.dispose();
    }
  };
  return {
    onDidWrite: output.event,
    onDidClose: closing.event,
    open: () => void run().then((code) => closing.fire(code)),
    close() {
      // While questions are asked nothing of its own trains yet.
      const isOwn = isRunning && training.state.request?.recipeFile === recipe.fsPath;
      if (isOwn) training.stop().catch((error: Error) => log.error(`task: ${error.message}`));
    },
  };
}
