// The dataset preview's page in a browser, under its real security policy, with a host that holds no file.
import { fakeHost } from './datasetPreviewHost.mjs';
import { chinese, servePages } from './pageServer.mjs';
import { themes } from './previewThemes.mjs';

/** Serves the page as built in dist/; its pages collect what they report in `problems`. */
export async function servePage() {
  const { origin, close } = await servePages();
  const problems = [];

  /** A page with a host of its own; `options` as `fakeHost` has them. */
  async function open(
    browser,
    { width = 1280, height = 800, theme = 'vscode-dark', language = 'en', ...options } = {},
  ) {
    const page = await browser.newPage({ viewport: { width, height } });
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    const wordings = language === 'en' ? {} : chinese;
    await page.addInitScript(fakeHost, { language, wordings, theme, variables: themes[theme], ...options });
    await page.goto(`${origin}/datasetPreview`);
    await page.locator('.grid, section.empty h1').first().waitFor();
    return page;
  }
  return { open, problems, close };
}

const none = { working: false, fraction: 1, cancelled: false, error: null };

/** What there is to look at: a size, changes of the snapshot, and what is done before the picture. */
export const scenes = {
  whole: {},
  finding: {
    async act(page) {
      await page.locator('.finding').nth(1).click();
      await page.waitForTimeout(300);
    },
  },
  filtered: {
    rows: 15_000,
    async act(page) {
      await page.locator('.head .bin').nth(3).click();
      await page.locator('.head button.value').first().click();
      await page.locator('#search').fill('高血压');
      await page.waitForTimeout(600);
    },
  },
  row: {
    rows: 15_000,
    async act(page) {
      await page.locator('[data-row="7"][data-column="1"]').click();
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: /Show all|显示全部/ }).click();
    },
  },
  column: {
    rows: 15_000,
    async act(page) {
      await page.locator('#grid').focus();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
    },
  },
  menu: {
    rows: 15_000,
    async act(page) {
      await page.locator('[data-row="7"][data-column="1"]').click();
      await page.keyboard.press('Shift+F10');
      await page.getByRole('menu').waitFor();
    },
  },
  headMenu: {
    rows: 15_000,
    async act(page) {
      await page.locator('#grid').focus();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Shift+F10');
      await page.getByRole('menu').waitFor();
    },
  },
  wrapped: {
    rows: 15_000,
    memory: { wraps: true, panel: null },
    async act(page) {
      await page.locator('#grid').focus();
      await page.keyboard.press('Control+End');
      await page.waitForTimeout(200);
      await page.keyboard.press('Control+Home');
    },
  },
  hostile: { hostile: true, rows: 200 },
  predicted: {
    rows: 15_000,
    async act(page) {
      await page
        .getByRole('button', { name: /Predict all rows|预测全部行/ })
        .first()
        .click();
      await page.waitForTimeout(400);
    },
  },
  bad: {
    rows: 15_000,
    async act(page) {
      await page.locator('.link.bad').click();
    },
  },
  clean: {
    rows: 15_000,
    async act(page) {
      await page.getByRole('button', { name: /^(Clean…|清洗…)$/ }).click();
      await page.getByRole('checkbox').nth(0).check();
      await page.getByRole('checkbox').nth(1).check();
    },
  },
  split: {
    rows: 15_000,
    async act(page) {
      await page.getByRole('button', { name: /^(Split…|拆分…)$/ }).click();
      await page.waitForTimeout(600);
    },
  },
  export: {
    rows: 15_000,
    async act(page) {
      await page.getByRole('button', { name: /^(Export…|导出…)$/ }).click();
    },
  },
  workbook: {
    rows: 15_000,
    change: {
      'state.splits': [{ name: 'pairs.xlsx', fileName: 'pairs.xlsx', problem: null }],
      'state.shown': 'pairs.xlsx',
      'state.file.name': 'pairs.xlsx',
      'state.file.format': 'xlsx',
      'state.file.hasLines': false,
      'state.sheet': '训练集',
      'state.sheets': ['封面', '训练集', '验证集'],
    },
  },
  emptySheet: {
    change: {
      'state.error': { code: 'DATA_FORMAT', message: 'pairs.xlsx: the sheet "封面" is empty.', line: null },
      'state.sheet': '封面',
      'state.sheets': ['封面', '训练集', '验证集'],
    },
  },
  indexing: {
    change: {
      'state.index': { rows: 412_000, bad: 3, badRows: [], working: true, fraction: 0.41, error: null },
      'state.view.rows': 412_000,
      'state.view.working': true,
      'insights.work': { ...none, working: true, fraction: 0.38 },
      'insights.columns': [],
      'insights.labels': [],
      'insights.examples': null,
      'findings.work': { ...none, working: true, fraction: 0.12 },
      'findings.findings': [],
      'state.model': null,
    },
  },
  nothing: {
    rows: 15_000,
    async act(page) {
      await page.locator('#search').fill('nothing');
      await page.waitForTimeout(600);
    },
  },
  expression: {
    rows: 15_000,
    async act(page) {
      await page.locator('#search').fill('(高血压');
      await page.getByRole('button', { name: /Regular expression|正则表达式/ }).click();
    },
  },
  empty: {
    rows: 0,
    change: { 'insights.columns': [], 'insights.labels': [], 'findings.findings': [], 'insights.examples': null },
  },
  broken: { change: { 'state.error': { code: 'DATA_FORMAT', message: 'pairs.parquet ends in the middle: its footer should lie at byte 1,203,114, the file has 98,304.', line: null } } }, // prettier-ignore
  entities: {
    rows: 340,
    entities: true,
    columns: ['text', 'entities'],
    change: {
      'state.file': { name: 'entities.jsonl', format: 'jsonl', encoding: 'utf-8', sizeBytes: 20_412, warnings: [], hasLines: true }, // prettier-ignore
      'state.mapping': { first_sequence: 'text', second_sequence: null, label: 'entities' },
      'insights.labels': [
        { split: 'train', rows: 1164, missing: 0, areEntities: true, counts: ['疾病', '症状', '部位', '药物'].map((text) => ({ text, count: 291 })) }, // prettier-ignore
      ],
      'findings.findings': [
        { id: 'overlappingEntities', kind: 'overlappingEntities', rows: 291, groups: 0, examples: [{ message: '1: "左肺上叶结节" (症状) and "左肺上叶" (部位) overlap' }] }, // prettier-ignore
        { id: 'misplacedEntities', kind: 'misplacedEntities', rows: 2, groups: 0, examples: [{ message: '9: the entity "尿道口" (部位) is not at 26 (there is "道口处"), but at 25' }] }, // prettier-ignore
        { id: 'normalizedEntities', kind: 'normalizedEntities', rows: 67, groups: 0, examples: [{ message: '33: the entity "TCT" (检查) at 26 is written "tct" in the text' }] }, // prettier-ignore
        { id: 'contradictoryEntities', kind: 'contradictoryEntities', rows: 1, groups: 0, examples: [{ message: '3: "胸闷" is both 疾病 and 症状' }] }, // prettier-ignore
      ],
    },
    async act(page) {
      await page.locator('[data-row="1"][data-column="1"]').click();
    },
  },
  severalLabels: {
    rows: 340,
    columns: ['query1', 'label'],
    change: {
      'state.mapping': { first_sequence: 'query1', second_sequence: null, label: 'label' },
      'insights.labels': ['train', 'validation'].map((split, at) => ({
        ...{ split, rows: 340 - 200 * at, missing: 12 },
        counts: ['发热', '咳嗽', '胸痛，放射至左肩', '<b>皮疹</b>'].map((text, i) => ({ text, count: 180 - 100 * at - 20 * i })), // prettier-ignore
        combinations: {
          most: [['咳嗽', '发热'], ['发热'], [], ['<b>皮疹</b>', '胸痛，放射至左肩', '咳嗽']].map((labels, i) => ({ labels, count: 60 - 16 * i })), // prettier-ignore
          total: 9,
        },
      })),
    },
    async act(page) {
      await page
        .locator('summary')
        .filter({ hasText: /Combinations|标签组合/ })
        .first()
        .click();
    },
  },
  sheet: {
    rows: 340,
    columns: ['id', 'query1'],
    change: {
      'state.file': { name: '问诊记录 2024 (最终版).xlsx', format: 'xlsx', encoding: 'utf-8', sizeBytes: 20_412, warnings: [{ message: 'Two columns are named "query1"; the second is shown as "query1 (2)".' }, { message: '12 formulas have no stored value; their cells are empty.' }], hasLines: false }, // prettier-ignore
      'state.mapping': { first_sequence: 'query1', second_sequence: null, label: null },
      'state.model': null,
      'state.splits': [{ name: 'train', fileName: 'a.xlsx', problem: null }],
      'insights.labels': [],
    },
  },
  narrow: { width: 600, memory: { panel: null } },
};
