// The label mapping's page in a browser, under its real security policy, over the real operations on a recipe's text;
// only the editor (its undo, its files) is absent. All values were made up for this project.
import { untranslated } from '../../src/base/translate.ts';
import { mappingFacts, classesOf } from '../../src/extension/labelMapping/mappingFacts.ts';
import { changedMapping, readMapping } from '../../src/extension/labelMapping/mappingText.ts';
import { chinese, servePages } from './pageServer.mjs';
import { themes } from './previewThemes.mjs';

const counts = (pairs, rows) => ({
  ...{ column: 'label', rows, badRows: 0, otherRows: 0 },
  values: Object.entries(pairs).map(([value, count], at) => ({ value, count, firstLine: at * 9 + 2 })),
});

const recipe = {
  task: 'sentence-similarity',
  model: 'encoder',
  dataset: {
    train: {
      file: 'data/pairs-train.json',
      labels: ['unrelated', 'related', 'same'],
      label_mapping: { 0: 'unrelated', 1: 'related', 2: 'same', NA: null },
      label_details: {
        same: { description: '问的是同一件事', color: '#2e9e5b', score: 1 },
        related: { description: '同一主题，不同问题', score: 0.4 },
      },
    },
    validation: { file: 'data/pairs-dev.json' },
  },
};
const hostile = '<img src=x onerror="window.broken=1">';
export const values = [
  counts({ 0: 7142, 1: 4310, 2: 3286, Same: 214, NA: 31, 语义相同: 17, [hostile]: 2 }, 15_002),
  counts({ 0: 790, 1: 480, 2: 330 }, 1600),
];

const suspect = (row, first, second, given, suggested, probability) => ({ row, line: row + 2, first, second, given, suggested, probability, selfConfidence: 1 - probability }); // prettier-ignore
export const suspects = {
  ...{ split: 'train', state: 'ready', done: 15_002, total: 15_002, error: null, modelName: 'pairs 3' },
  ...{
    seenInTraining: true,
    outOfFold: 1500,
    rows: 14_738,
    found: 212,
    correctionFile: 'pairs-train.corrections.json',
    isUsed: false,
  },
  list: [
    suspect(40, '高血压能不能喝咖啡', '高血压患者可以喝咖啡吗', 'unrelated', 'same', 0.981),
    suspect(777, '痛风吃什么药好', '白内障手术多少钱', 'same', 'unrelated', 0.952),
    suspect(1203, '颈椎病怎么治疗', '颈椎病需要做哪些检查', 'same', 'related', 0.874),
  ],
  accepted: [{ row: 777, label: 'unrelated' }],
};

/** A document with its page's answers: what the extension does, without an editor. */
class FakeDocument {
  constructor(change = {}) {
    this.saved = this.text = `${JSON.stringify(recipe, undefined, 2)}\n`;
    this.shown = change;
  }

  snapshot() {
    const document = readMapping(this.text, 'recipe');
    const saved = readMapping(this.saved, 'recipe');
    const splits = document.splits.map(({ name, fields, own }, at) => ({ name, file: fields.file, counts: values[at], own })); // prettier-ignore
    return {
      ...{ kind: 'recipe', fileName: 'pairs.medtext.json', isReadOnly: false, isDirty: this.text !== this.saved },
      ...{
        problem: null,
        isRegression: false,
        comparesTexts: true,
        countsEntities: false,
        findsSuspects: document.findsSuspects,
        labelsFile: null,
        users: [],
        elsewhere: null,
        suspects: null,
      },
      ...{ model: { name: 'pairs 3', hasHead: true }, ...mappingFacts(document, saved, splits), ...this.shown },
    };
  }

  change(operation) {
    const inferred = classesOf(readMapping(this.text, 'recipe').content, values[0]);
    const known = new Set(values[0].values.map(({ value }) => value));
    this.text = changedMapping(this.text, 'recipe', operation, { inferred, known }, untranslated);
  }
}

/** Runs in the page before its script: VS Code's place, answered by the functions that the test exposed. */
function fakeHost({ theme, variables }) {
  const calls = (window.calls = []);
  let page;
  const send = (message) => window.postMessage({ page, message: { jsonrpc: '2.0', ...message } }, '*');
  window.showSnapshot = (snapshot) => send({ method: 'snapshot', params: { content: snapshot } });
  window.acquireVsCodeApi = () => ({
    getState: () => undefined,
    setState: () => undefined,
    async postMessage(sent) {
      page = sent.page;
      const { id, method, params } = sent.message;
      if (id === undefined) return;
      calls.push([method, params.content]);
      const { result, error, snapshot } = await window.answer(method, params.content ?? null);
      if (snapshot) window.showSnapshot(snapshot);
      send(error ? { id, error: { code: -31000, message: error.message, data: { ...error, detail: {} } } } : { id, result: { content: result } }); // prettier-ignore
    },
  });
  document.addEventListener('DOMContentLoaded', () => {
    document.body.className = theme;
    document.body.style.background = variables['--vscode-editor-background'];
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  });
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    console.error(`policy: ${violatedDirective} ${blockedURI}`),
  );
}

/** Serves the page as built in dist/; its pages collect what they report in `problems`. */
export async function serveLabelMapping() {
  const { origin, close } = await servePages();
  const problems = [];
  async function open(browser, { width = 1280, height = 900, theme = 'vscode-dark', language = 'en', change } = {}) {
    const page = await browser.newPage({ viewport: { width, height } });
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    const file = new FakeDocument(change);
    await page.exposeFunction('answer', (method, params) => {
      const wordings = language === 'en' ? {} : chinese;
      if (method === 'initialize') return { result: { language, wordings, snapshot: file.snapshot() } };
      if (method !== 'change') return { result: null };
      try {
        file.change(params);
        return { result: null, snapshot: file.snapshot() };
      } catch ({ code, message }) {
        return { error: { code, message } };
      }
    });
    await page.addInitScript(fakeHost, { theme, variables: themes[theme] });
    await page.goto(`${origin}/labelMapping`);
    await page.locator('h1').waitFor();
    return { page, file };
  }
  return { open, problems, close };
}
