/** Every bundled recipe fine-tunes as it says, on a part of its data. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { describeTask } from '../../src/protocol/tasks';
import type { EvaluationReport, TrainingReport } from '../../src/protocol/trainer';
import { readRecipeFile } from '../../src/recipes/recipeFile';
import { finetune } from '../../src/training/finetune';

const samples = resolve(__dirname, '../../samples');
const recipes = readdirSync(samples).filter((name) => name.endsWith('.medtext.json'));
/** Rows of a file that are kept: from all of it, so that its labels are among them. */
const KEPT = 40;

describe('bundled recipes', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-samples-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of recipes) {
    it(`teach as they say, for a few steps: ${name}`, async () => {
      const given = validateRecipe(await readRecipeFile(join(samples, name)), name);
      // A model of a hub is fetched by nobody here.
      if (/^(modelscope|hf):/.test(given.model)) return;
      const files = readdirSync(samples).filter((entry) => !/\.(mjs|md)$|^source$/.test(entry));
      for (const entry of files) cpSync(join(samples, entry), join(folder, entry), { recursive: true });
      for (const split of ['train', 'validation', 'test'] as const) {
        const file = given.dataset[split]?.file;
        if (file !== undefined && statSync(join(folder, file)).isFile()) cut(join(folder, file));
      }
      const reports: TrainingReport[] = [];
      const evaluations: EvaluationReport[] = [];
      const result = await finetune({
        recipe: resolveRecipe({
          ...given,
          model: resolve(samples, given.model),
          train: { ...given.train, max_epochs: 1 },
          work_dir: join(folder, 'runs'),
        }),
        baseFolder: folder,
        onReport: (report) => reports.push(report),
        onEvaluation: (report) => evaluations.push(report),
        log: () => undefined,
        stopSignal: new AbortController().signal,
      });
      assert.ok(reports.length > 0);
      for (const { loss } of reports) assert.ok(Number.isFinite(loss) && loss > 0, `a loss of ${loss}`);
      // Its reports are those of its task, and the model is there.
      const [metric] = describeTask(given.task).metrics;
      assert.ok(metric.name in evaluations.at(-1)!.evaluation, `no ${metric.name}`);
      assert.equal(result.best?.metric, metric.name);
      assert.ok(existsSync(join(result.model, 'model.safetensors')));
    });
  }
});

/** Leaves a file {@link KEPT} of its rows, spread over it. */
function cut(file: string): void {
  const text = readFileSync(file, 'utf8');
  const isList = file.endsWith('.json');
  const hasHeader = file.endsWith('.csv');
  const rows = isList ? (JSON.parse(text) as unknown[]) : text.trim().split('\n');
  const head = hasHeader ? [rows.shift()] : [];
  const kept = [...head, ...rows.filter((_, at) => at % Math.ceil(rows.length / KEPT) === 0)];
  writeFileSync(file, isList ? JSON.stringify(kept) : `${kept.join('\n')}\n`);
}
