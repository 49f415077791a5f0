/** Fine-tunes a recipe and prints each step: a process that tests can kill. */
import { readFileSync } from 'node:fs';
import { resolveRecipe, validateRecipe } from '../../src/protocol/recipe';
import { finetune } from '../../src/training/finetune';

const [file, baseFolder] = process.argv.slice(2);
void finetune({
  recipe: resolveRecipe(validateRecipe(JSON.parse(readFileSync(file, 'utf8')), file)),
  baseFolder,
  onReport: ({ step }) => process.stdout.write(`step ${step}\n`),
  onEvaluation: () => undefined,
  log: () => undefined,
  stopSignal: new AbortController().signal,
});
