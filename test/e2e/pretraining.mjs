// Continued pretraining in a real VS Code: from a folder's menu to a model that fills masks in, in both languages.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choose, chooseMenu, findWebview, notification, openFile, runCommand } from './editor.mjs';
import { newestRun, openSidebar, picture, runRow, savedJson, until, useWindow } from './window.mjs';

const languages = [
  {
    locale: 'en',
    menu: 'Continue Pretraining on Text…',
    title: (step) => `Continue Pretraining: ${step}`,
    steps: {
      model: 'model',
      texts: 'texts',
      column: 'column',
      terms: 'terms to mask as a whole',
      learned: 'objectives',
      where: 'device',
    },
    wholeFolder: 'all texts of the folder',
    terms: { list: 'A list of terms…', none: 'None' },
    objectives: { masked: 'masked language modelling', all: 'StructBERT' },
    isReady: 'is ready',
    start: 'Start Pretraining',
    perplexity: 'perplexity',
    heldOut: '5 % held out',
    finished: 'was pretrained further',
    showModel: 'Show Model',
    continued: 'Continued on text',
    extend: {
      menu: 'Extend Vocabulary…',
      title: (step) => `Extend Vocabulary: ${step}`,
      texts: 'texts',
      terms: 'terms that are words',
      words: 'words that become tokens',
      aFolder: 'A folder…',
      times: /^(once|\d+ times) · \d+ pieces$/,
      done: /small-extended has 2 new tokens, [\d,]+ in all/,
      pretrain: 'Continue Pretraining…',
    },
  },
  {
    locale: 'zh-cn',
    menu: '在文本上继续预训练…',
    title: (step) => `继续预训练：${step}`,
    steps: { model: '模型', texts: '文本', column: '列', terms: '整个掩码的术语', learned: '训练目标', where: '设备' },
    wholeFolder: '文件夹中的所有文本',
    terms: { list: '术语表…', none: '无' },
    objectives: { masked: '掩码语言建模', all: 'StructBERT' },
    isReady: '已就绪',
    start: '开始预训练',
    perplexity: '困惑度',
    heldOut: '留出 5 %',
    finished: '继续预训练完成',
    showModel: '显示模型',
    continued: '在文本上继续预训练',
    extend: {
      menu: '扩充词表…',
      title: (step) => `扩充词表：${step}`,
      texts: '文本',
      terms: '视为词的术语',
      words: '成为词元的词',
      aFolder: '文件夹…',
      times: /^\d+ 次 · \d+ 个片段$/,
      done: /small-extended 增加了 2 个词元，共 [\d,]+ 个/,
      pretrain: '继续预训练…',
    },
  },
];

const medtext = (...parameters) => execFileSync(process.execPath, ['dist/cli.js', ...parameters], { stdio: ['ignore', 'ignore', 'inherit'] }); // prettier-ignore

/** Puts a small encoder with a masked-language-model head into the library, and notes and terms into the workspace. */
function withEncoder(machineSettings) {
  return (folder) => {
    const work = mkdtempSync(join(tmpdir(), 'medtext-encoder-'));
    medtext('finetune', 'samples/continue-pretraining.medtext.json', '--epochs', '1', '--output', work);
    const [run] = readdirSync(work).filter((name) => !name.startsWith('.'));
    medtext('import', join(work, run, 'model'), '--output', join(folder, 'library', 'small'));
    rmSync(work, { recursive: true });
    machineSettings['medtext.models.folder'] = join(folder, 'library');
    cpSync('samples/notes', join(folder, 'notes'), { recursive: true });
    cpSync('samples/terms.txt', join(folder, 'terms.txt'));
    writeFileSync(join(folder, '病 历.csv'), '编号,科室,主诉\n1,内科,头痛三天\n2,外科,右膝疼痛\n');
  };
}

for (const words of languages) {
  const { locale, title, steps } = words;
  describe(`continued pretraining in VS Code (${locale})`, () => {
    const machineSettings = {};
    const state = useWindow({
      machineSettings,
      prepare: withEncoder(machineSettings),
      ...(locale !== 'en' && { locale }),
    });

    it('leads from the menu of a folder to a recipe with its terms, and starts it', async () => {
      const { page, workspace } = state;
      const folder = page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'notes' });
      // A menu that opens before the editor knows the extension lacks its entries.
      await page.locator('.activitybar a[aria-label^="MedText Lab"]').waitFor({ timeout: 120_000 });
      await chooseMenu(page, folder, words.menu);
      await page.locator('.quick-input-title', { hasText: title(steps.model) }).waitFor({ timeout: 60_000 });
      await picture(page, `pretraining-model-${locale}`);
      await choose(page, 'small', title(steps.model));
      await choose(page, words.terms.list, title(steps.terms));
      // This is the editor's own file dialog, which lists the workspace's folder.
      const path = page.locator('.quick-input-widget input[type=text]').first();
      await until(async () => (await path.inputValue()).startsWith('/'), 'the dialog proposes a folder');
      await choose(page, 'terms.txt', title(steps.terms));
      await page.locator('.quick-input-title', { hasText: title(steps.learned) }).waitFor();
      await picture(page, `pretraining-objectives-${locale}`);
      await choose(page, words.objectives.all, title(steps.learned));
      await choose(page, 'CPU', title(steps.where));
      await page.locator('.tab.active', { hasText: 'notes.medtext.json' }).waitFor();
      const recipe = await savedJson(join(workspace.folder, 'notes.medtext.json'));
      assert.equal(recipe.task, 'masked-language-modeling');
      assert.deepEqual(recipe.dataset.train, { file: 'notes' });
      assert.deepEqual(recipe.train.masking, { whole_word: true, terms: 'terms.txt' });
      assert.deepEqual(recipe.train.struct_bert, {});
      await notification(page, words.isReady, words.start);
      // A message with buttons stays, but a busy window may hide it, so it is read at once.
      await notification(page, words.finished, words.showModel, 120_000);
      const run = newestRun(workspace);
      assert.equal(run.best.metric, 'perplexity');
      assert.equal(run.data.train.rows, 12);
      assert.ok(run.data.train.characters > 1000);
    });

    it('names perplexity in the Training view, and texts and origin in the Models view', async () => {
      const { page } = state;
      await openSidebar(page);
      const view = await findWebview(page, words.heldOut, 60_000);
      const best = view.locator('dt', { hasText: words.perplexity }).first();
      await best.scrollIntoViewIfNeeded();
      await picture(page, `pretraining-finished-${locale}`);
      const model = page.locator('.monaco-list-row', { hasText: 'notes' }).filter({ hasText: '2 × 128' }).last();
      const facts = page.locator('.monaco-hover', { hasText: words.continued });
      await until(async () => {
        await page.mouse.move(900, 500);
        await model.hover();
        return facts.waitFor({ timeout: 3000 }).then(
          () => true,
          () => false,
        );
      }, 'where the model comes from');
      assert.match(await facts.innerText(), /[\d,]+\s(characters,\sfrom|个字符，起点为)\ssmall/);
      await picture(page, `pretraining-models-${locale}`);
      await page.mouse.move(900, 500);
    });

    it('shows the model, which fills masks in', async () => {
      const { page } = state;
      const view = await findWebview(page, 'BertForMaskedLM', 60_000);
      const text = view.getByLabel('[MASK]');
      await text.fill('患者，男，58岁。诊断：高血[MASK]病。');
      await page.keyboard.press('Enter');
      await view.locator('.fills tbody tr').nth(7).waitFor({ timeout: 60_000 });
      await text.scrollIntoViewIfNeeded();
      await picture(page, `pretraining-fill-mask-${locale}`);
    });

    it('gives a recipe for all texts of the workspace from the palette', async () => {
      const { page, workspace } = state;
      await runCommand(page, 'Notifications: Clear All Notifications');
      await runCommand(page, words.menu.replace('…', ''));
      await choose(page, 'small', title(steps.model));
      await page.locator('.quick-input-title', { hasText: title(steps.texts) }).waitFor();
      await picture(page, `pretraining-texts-${locale}`);
      await choose(page, words.wholeFolder, title(steps.texts));
      await choose(page, words.terms.none, title(steps.terms));
      await choose(page, words.objectives.masked, title(steps.learned));
      await choose(page, 'CPU', title(steps.where));
      const isIts = (file) => /^medtext-workspace.*\.medtext\.json$/.test(file);
      const name = await until(() => readdirSync(workspace.folder).find(isIts), 'the recipe of the workspace');
      await notification(page, words.isReady);
      const recipe = await savedJson(join(workspace.folder, name));
      assert.deepEqual(recipe.dataset.train, { file: '.' });
      assert.equal(recipe.train.struct_bert, undefined);
    });

    it('asks which column of a table holds the text', async () => {
      const { page, workspace } = state;
      await runCommand(page, 'Notifications: Clear All Notifications');
      await runCommand(page, 'View: Show Explorer');
      const table = page.locator('.explorer-folders-view .monaco-list-row', { hasText: '病 历.csv' });
      await chooseMenu(page, table, words.menu);
      await choose(page, 'small', title(steps.model));
      await page.locator('.quick-input-title', { hasText: title(steps.column) }).waitFor({ timeout: 60_000 });
      await picture(page, `pretraining-column-${locale}`);
      await choose(page, '主诉', title(steps.column));
      await choose(page, words.terms.none, title(steps.terms));
      await choose(page, words.objectives.masked, title(steps.learned));
      await choose(page, 'CPU', title(steps.where));
      await notification(page, words.isReady);
      const recipe = await savedJson(join(workspace.folder, '病 历.medtext.json'));
      assert.deepEqual(recipe.dataset.train, { file: '病 历.csv', first_sequence: '主诉' });
    });

    it('lists the words that a model splits, and makes those that are chosen its tokens', async () => {
      const { page, workspace } = state;
      const { extend } = words;
      await runCommand(page, 'Notifications: Clear All Notifications');
      await openSidebar(page);
      const isSmall = page.locator('.monaco-list-row', { has: page.getByText('small', { exact: true }) });
      await chooseMenu(page, isSmall.first(), extend.menu);
      await choose(page, extend.aFolder, extend.title(extend.texts));
      const path = page.locator('.quick-input-widget input[type=text]').first();
      await until(async () => (await path.inputValue()).startsWith('/'), 'the dialog proposes a folder');
      await path.fill(join(workspace.folder, 'notes/'));
      const termsTitle = page.locator('.quick-input-title', { hasText: extend.title(extend.terms) });
      // The dialog lists a folder that is typed, and takes it for the answer only then.
      await until(async () => {
        await page.keyboard.press('Enter');
        return termsTitle.waitFor({ timeout: 10_000 }).then(
          () => true,
          () => false,
        );
      }, 'the folder is taken');
      await choose(page, words.terms.list, extend.title(extend.terms));
      await until(async () => (await path.inputValue()).startsWith('/'), 'the dialog proposes a folder');
      await path.fill(`${workspace.folder}/`);
      await choose(page, 'terms.txt', extend.title(extend.terms));
      await page.locator('.quick-input-title', { hasText: extend.title(extend.words) }).waitFor({ timeout: 60_000 });
      const rows = page.locator('.quick-input-list .monaco-list-row');
      for (const term of ['高血压', '二甲双胍']) {
        await path.fill(term);
        const row = rows.filter({ has: page.getByText(term, { exact: true }) }).first();
        await row.waitFor();
        assert.match(await row.locator('.label-description').innerText(), extend.times);
        await row.click();
      }
      await path.fill('');
      await picture(page, `pretraining-vocabulary-${locale}`);
      await page.keyboard.press('Enter');
      const toast = await notification(page, 'small-extended', undefined, 60_000);
      assert.match(await toast.innerText(), extend.done);
      await toast.locator('.monaco-button', { hasText: extend.pretrain }).click();
      // Model and texts are known: the next question is the one after them.
      await page.locator('.quick-input-title', { hasText: title(steps.terms) }).waitFor();
      await page.keyboard.press('Escape');
      const facts = await savedJson(join(workspace.folder, 'library/small-extended/medtext-model.json'));
      const before = await savedJson(join(workspace.folder, 'library/small/medtext-model.json'));
      assert.equal(facts.vocabSize, before.vocabSize + 2);
      assert.equal(facts.source, 'small');
      await page.locator('.monaco-list-row', { hasText: 'small-extended' }).first().waitFor();
    });

    it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
  });
}

describe('a continued pretraining whose process is killed', () => {
  const weightsOf = (run) => createHash('sha256').update(readFileSync(join(run, 'model/model.safetensors'))).digest('hex'); // prettier-ignore

  /** The sample as a recipe of the workspace; the weights of the same run where nothing interrupts it. */
  function withReference(folder) {
    cpSync('samples/notes', join(folder, 'notes'), { recursive: true });
    cpSync('samples/terms.txt', join(folder, 'terms.txt'));
    const recipe = JSON.parse(readFileSync('samples/continue-pretraining.medtext.json', 'utf8').replace(/^ *\/\/.*$/gm, '')); // prettier-ignore
    const train = { ...recipe.train, max_epochs: 20, evaluate_every: 10 };
    const own = { ...recipe, model: 'encoder', train, device: 'cpu', work_dir: 'runs' };
    const file = join(folder, 'texts.medtext.json');
    writeFileSync(file, JSON.stringify(own, undefined, 2));
    const work = mkdtempSync(join(tmpdir(), 'medtext-reference-'));
    medtext('finetune', file, '--output', work);
    const [run] = readdirSync(work).filter((name) => !name.startsWith('.'));
    const weights = weightsOf(join(work, run));
    rmSync(work, { recursive: true });
    return weights;
  }
  const state = useWindow({ prepare: withReference });

  it('is resumed from its page, and ends in the weights of a run that nothing interrupted', async () => {
    const { page, workspace, prepared } = state;
    await openFile(page, 'texts.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    const saved = () => {
      const run = newestRun(workspace);
      const folder = run && join(run.folder, 'checkpoints');
      const steps = folder && existsSync(folder) ? readdirSync(folder).filter((name) => /^step-\d+$/.test(name)) : [];
      return steps.length > 0 && run;
    };
    const { pid, folder } = await until(saved, 'a checkpoint', 120_000);
    process.kill(pid, 'SIGKILL');
    const toast = await notification(page, 'was interrupted');
    assert.match(await toast.innerText(), /Resume continues from the checkpoint of step \d+/);
    const { step, status } = newestRun(workspace);
    assert.equal(status, 'running', 'the process had no time to say that it ends');
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'interrupted' }).click();
    const runPage = await findWebview(page, 'Rate, gradient, speed and memory', 60_000);
    await runPage.getByRole('status').filter({ hasText: 'interrupted' }).waitFor();
    await picture(page, 'pretraining-killed');
    await runCommand(page, 'Notifications: Clear All Notifications');
    await runPage.getByRole('button', { name: 'Resume' }).click();
    await notification(page, 'was pretrained further', undefined, 120_000);
    const run = newestRun(workspace);
    assert.deepEqual([run.folder, run.status], [folder, 'finished']);
    assert.ok(run.step > step, `killed at step ${step} of ${run.step}`);
    await runPage.getByRole('status').filter({ hasText: 'finished' }).waitFor();
    assert.equal(weightsOf(folder), prepared);
    await picture(page, 'pretraining-resumed');
  });
});
