/** The generated pages of the documentation: which there are, and what each holds. */
import { commandReferencePage } from './commandReference';
import type { Translator } from './languages';
import { recipeFieldsPage } from './recipeFields';
import { troubleshootingPage } from './troubleshooting';

export const GENERATED_PAGES: Readonly<Record<string, (translator: Translator) => string>> = {
  'recipe-fields.md': recipeFieldsPage,
  'command-reference.md': commandReferencePage,
  'troubleshooting.md': troubleshootingPage,
};
