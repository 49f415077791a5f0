/** The generated pages of the documentation are what the schema, the commands and the table of errors say today. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json';
import english from '../../package.nls.json';
import chinese from '../../package.nls.zh-cn.json';
import { LANGUAGES, ROOT, shownInPages, Translator } from '../../scripts/docs/languages';
import { GENERATED_PAGES } from '../../scripts/docs/pages';

describe('the generated pages', () => {
  for (const language of LANGUAGES) {
    it(`are up to date (npm run docs): ${language}`, () => {
      const translator = new Translator(language);
      for (const [name, page] of Object.entries(GENERATED_PAGES)) {
        const written = readFileSync(join(ROOT, 'docs', language, name), 'utf8');
        assert.ok(written === page(translator), `docs/${language}/${name} is stale: npm run docs`);
      }
      assert.deepEqual([...translator.missing], [], 'texts without Chinese (scripts/docs/pages.zh-cn.json)');
    });
  }

  it('use every Chinese text that is there for them', () => {
    const translator = new Translator('zh-cn');
    for (const page of Object.values(GENERATED_PAGES)) page(translator);
    assert.deepEqual(Object.keys(shownInPages()).filter((text) => !translator.used.has(text)), []); // prettier-ignore
  });
});

describe('the page on the editor', () => {
  it('names every command of the palette, in both languages', () => {
    const { commands, menus } = manifest.contributes;
    const hidden = menus.commandPalette.filter(({ when }) => when === 'false').map(({ command }) => command);
    for (const language of LANGUAGES) {
      const texts = language === 'en' ? english : chinese;
      const page = readFileSync(join(ROOT, 'docs', language, 'editor.md'), 'utf8');
      const titles = commands
        .filter(({ command }) => !hidden.includes(command))
        .map(({ title }) => (texts as Record<string, string>)[title.replaceAll('%', '')]);
      assert.deepEqual(titles.filter((title) => !page.includes(title)), []); // prettier-ignore
    }
  });
});
