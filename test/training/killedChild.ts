/**
 * Fine-tunes a recipe, or goes on with a run, and ends itself by SIGKILL at one place: `<operation> <pattern> <n>` is the
 * n-th call of that function of node:fs/promises whose arguments match; `step <n>`, `validation <n>` and `test` are what
 * the run tells.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { finetune } from '../../src/training/finetune';

const [file, baseFolder, place, resumeFrom] = process.argv.slice(2);
const [operation, pattern, count = '1'] = place.split(' ');
const die = (): void => void process.kill(process.pid, 'SIGKILL');

const files = createRequire(__filename)('node:fs/promises') as Record<string, (...given: unknown[]) => unknown>;
const real = files[operation];
if (real) {
  let left = Number(count);
  files[operation] = (...given) => {
    const told = given.filter((one) => typeof one === 'string').join(' -> ');
    if (new RegExp(pattern).test(told) && --left === 0) die();
    return real(...given);
  };
}

let evaluations = 0;
void finetune({
  recipe: resolveRecipe(validateRecipe(JSON.parse(readFileSync(file, 'utf8')), file)),
  baseFolder,
  resumeFrom,
  onReport: ({ step }) => operation === 'step' && step === Number(pattern) && die(),
  onEvaluation: () => undefined,
  onEvaluationProgress({ split }) {
    if (split === 'test' && operation === 'test') die();
    if (split === 'validation' && operation === 'validation' && ++evaluations === Number(pattern)) die();
  },
  log: () => undefined,
  stopSignal: new AbortController().signal,
});
