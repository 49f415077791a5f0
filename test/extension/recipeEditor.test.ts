import assert from 'node:assert/strict';
import Module from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { withEditor } from './support/withEditor';

const nothing = () => ({ dispose: () => undefined });
let changed: (event: { document: object }) => void;
class Range {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}
  intersection = () => this;
}
class WorkspaceEdit {
  replacement: unknown;
  replace(_: object, { start, end }: Range, content: string): void {
    this.replacement = [start, end, content];
  }
}
const document = {
  ...{ uri: { scheme: 'file', toString: () => 'a' }, fileName: '/w/a.medtext.json', isClosed: false, version: 1 },
  text: '{ "task": "sentence-similarity", "model": "absent" }',
  getText() {
    return this.text;
  },
  positionAt: (offset: number) => offset,
};
const editor = {
  ...{ Range, WorkspaceEdit, DiagnosticSeverity: {}, CodeActionKind: {}, CodeLens: class {} },
  Diagnostic: class {
    constructor(readonly range: Range) {}
  },
  CodeAction: class {
    edit: WorkspaceEdit | undefined;
  },
  languages: { createDiagnosticCollection: () => ({ set: () => undefined, delete: () => undefined, ...nothing() }) },
  workspace: {
    ...{ isTrusted: true, textDocuments: [document] },
    ...{ onDidOpenTextDocument: nothing, onDidSaveTextDocument: nothing, onDidCloseTextDocument: nothing },
    onDidGrantWorkspaceTrust: nothing,
    onDidChangeTextDocument: (listener: typeof changed) => ((changed = listener), nothing()),
  },
};

/** Bundled, because the editor's part loads the check with `import()`, which leaves the test's own loader. */
function bundled(): typeof import('../../src/extension/recipe/recipeEditor') {
  const entryPoints = [join(__dirname, '../../src/extension/recipe/recipeEditor.ts')];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, write: false, platform: 'node', format: 'cjs', external: ['vscode'], mainFields: ['module', 'main'] }); // prettier-ignore
  const bundle = new Module('recipeEditor') as any;
  withEditor(editor, () => bundle._compile(outputFiles[0].text, entryPoints[0]));
  return bundle.exports;
}

describe('quick fixes of a recipe', () => {
  it('are of the text that stands there: none are offered of an earlier one', async () => {
    const models = { list: () => [{ folder: '/m/there', missing: false }] };
    const services = { t: (text: string) => text, models, log: { warn: assert.fail } };
    const recipes = bundled().watchRecipes(services as any) as any;
    const fixes = () => recipes.provideCodeActions(document, new Range(0, 0)) as { edit: WorkspaceEdit }[];
    const checked = async () => {
      for (let tries = 0; tries < 200 && fixes().length === 0; tries++)
        await new Promise((turn) => setTimeout(turn, 20));
      const place = document.text.indexOf('"absent"');
      assert.deepEqual(fixes()[0].edit.replacement, [place, place + '"absent"'.length, '"../m/there"']);
    };
    await checked();
    document.text = `\n\n${document.text}`;
    document.version++;
    changed({ document });
    assert.deepEqual(fixes(), []);
    await checked();
    recipes.dispose();
  });
});
