/** npm run docs: writes the generated pages in every language, and lists texts without Chinese. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LANGUAGES, ROOT, Translator } from './languages';
import { GENERATED_PAGES } from './pages';

for (const language of LANGUAGES) {
  const translator = new Translator(language);
  for (const [name, page] of Object.entries(GENERATED_PAGES))
    writeFileSync(join(ROOT, 'docs', language, name), page(translator));
  for (const text of translator.missing) console.log(`no Chinese: ${JSON.stringify(text)}`);
  if (translator.missing.size > 0) process.exitCode = 1;
}
