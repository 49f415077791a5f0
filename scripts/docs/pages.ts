/** The list of generated pages, and their contents. */
import { commandReferencePage } from './commandReference';
import type { Translator } from './languages';
import { recipeFieldsPage } from './recipeFields';
import { settingsPage } from './settings';
import { troubleshootingPage } from './troubleshooting';

export const GENERATED_PAGES: Readonly<Record<string, (translator: Translator) => string>> = {
  'recipe-fields.md': recipeFieldsPage,
  'command-reference.md': commandReferencePage,
  'settings.md': settingsPage,
  'troubleshooting.md': troubleshootingPage,
};
