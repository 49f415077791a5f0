import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asMedTextError, MedTextError, plainError, words, type ErrorCode } from '../../src/base/errors';
import { untranslated, type Translate } from '../../src/base/translate';
import { messageAndWords, wordsFrom } from '../../src/base/words';
import { ClientChannel, ServerChannel } from '../../src/protocol/channel';
import { text } from '../../src/protocol/check';
import { defineContract } from '../../src/protocol/contract';
import { errorText, wordedState } from '../../src/protocol/errorWords';
import { recipeProblems, validateRecipe } from '../../src/protocol/recipe';
import { englishValues, wordTemplates } from '../extension/wordings';
import { memoryPorts } from '../support/memoryPorts';

const root = join(__dirname, '../..');
const bundle = JSON.parse(readFileSync(join(root, 'l10n/bundle.l10n.zh-cn.json'), 'utf8')) as Record<string, string>;
const chinese: Translate = (message, ...values) => untranslated(bundle[message] ?? message, ...values);

/** Rooms whose errors a person meets in the editor; the graph's own rooms speak to programmers. */
const ROOMS = [
  ...['base', 'data', 'devices', 'evaluation', 'exports', 'extension', 'gpuRuntime', 'hub', 'inference', 'library', 'models'],
  ...['preview', 'protocol', 'recipes', 'runs', 'steps', 'tasks', 'tokenization', 'training', 'worker'],
]; // prettier-ignore
/** Our own mistakes, and what is never shown. */
const ENGLISH_ONLY = /^(INTERNAL|PROTOCOL|CANCELLED|GRAPH|NO_GRADIENT)$/;

describe('errors in the language of the editor', () => {
  const folder = '/models/a "b" {0}';
  const thrown = new MedTextError('NOT_FOUND', words`The run ${folder} has no model yet: it ended before its first evaluation.`); // prettier-ignore

  it('are English where they are thrown, to the letter, and Chinese where they are shown', () => {
    assert.equal(thrown.message, `The run ${folder} has no model yet: it ended before its first evaluation.`);
    assert.equal(errorText(thrown, untranslated), thrown.message);
    assert.equal(errorText(thrown, chinese), `训练 ${folder} 还没有模型：它在第一次评估之前就结束了。`);
    assert.deepEqual(JSON.parse(JSON.stringify(thrown)), { code: 'NOT_FOUND', message: thrown.message, detail: {} });
  });

  it('translate what stands in them, too', () => {
    const inner = words`The host name ${'hub.example'} is unknown`;
    const error = new MedTextError('OFFLINE', words`${'hub.example'} cannot be reached: ${words`${inner}${' (ENOTFOUND)'}.`} Check the network or the proxy; models that are on this machine work without it.`); // prettier-ignore
    assert.equal(
      error.message,
      'hub.example cannot be reached: The host name hub.example is unknown (ENOTFOUND). Check the network or the proxy; models that are on this machine work without it.',
    );
    assert.equal(errorText(error, chinese), '无法连接 hub.example：找不到主机名 hub.example (ENOTFOUND)。请检查网络或代理；已在本机上的模型不受影响。'); // prettier-ignore
  });

  it('without words of their own are led by what their code means', () => {
    const error = new MedTextError('ONNX_FORMAT', 'A varint has no end.');
    assert.equal(errorText(error, untranslated), 'A varint has no end.');
    assert.equal(errorText(error, chinese), 'ONNX 文件已损坏：A varint has no end.');
    assert.equal(errorText({ code: 'FROM_TOMORROW', message: 'New.' }, chinese), 'New.');
    assert.equal(errorText(asMedTextError(Object.assign(new Error('no room'), { code: 'ENOSPC' })), chinese), '磁盘已满：no room'); // prettier-ignore
  });

  it('keep their words across a channel, or cross it worded', async () => {
    const contract = defineContract({ name: 'test', version: 1, requests: { fail: { params: text, result: text } }, events: {} }); // prettier-ignore
    const asked = async (wording?: (error: MedTextError) => string): Promise<MedTextError> => {
      const { client: near, server: far } = memoryPorts();
      const server = new ServerChannel(contract, far, { fail: () => Promise.reject(thrown) }, wording);
      const client = new ClientChannel(contract, near);
      const error = await client.request('fail', '').then(() => assert.fail(), asMedTextError); // prettier-ignore
      client.dispose();
      server.dispose();
      return error;
    };
    const received = await asked();
    assert.equal(received.message, thrown.message);
    assert.equal(errorText(received, chinese), errorText(thrown, chinese));
    const worded = await asked((error) => errorText(error, chinese));
    assert.equal(worded.message, errorText(thrown, chinese));
    assert.equal(worded.words, undefined);
  });

  it('inside a snapshot are worded, once, wherever they are', () => {
    const { code, message, words: said } = thrown;
    const sentence = { line: 3, ...messageAndWords(words`a quote is not closed`) };
    const state = { rows: 3, error: null, sentence, views: [{ error: { code, message, words: said } }], plain: { message: 'not an error' } }; // prettier-ignore
    const shown = wordedState(state, chinese);
    const worded = { line: 3, message: '有引号未闭合' };
    assert.deepEqual(shown, {
      ...state,
      sentence: worded,
      views: [{ error: { code, message: errorText(thrown, chinese) } }],
    });
    assert.deepEqual(JSON.parse(JSON.stringify(wordedState(JSON.parse(JSON.stringify(state)), chinese))), shown);
  });

  it('that list problems are translated to the last word, and the list in the detail is not', () => {
    const json = { task: 'poetry', model: 3, dataset: { train: { file: 'a', labels: 3 } }, train: { batch_sise: 1, max_epochs: 0, trainable: {}, length_buckets: 1 } }; // prettier-ignore
    const thrown = (() => {
      try {
        return validateRecipe(json, 'a.medtext.json') && assert.fail();
      } catch (error) {
        return asMedTextError(error);
      }
    })();
    const lines = (t: Translate, colon: string) =>
      recipeProblems(json, t).map(({ pointer, message }) => `  ${pointer}${colon}${message}`);
    const { problems } = thrown.detail as { problems: object[] };
    assert.ok(problems.length >= 6);
    assert.deepEqual(problems, recipeProblems(json));
    assert.deepEqual(thrown.message.split('\n'), [
      `a.medtext.json is not a valid recipe, ${problems.length} problems:`,
      ...lines(untranslated, ': '),
    ]);
    const received = JSON.parse(JSON.stringify(plainError(thrown))) as ReturnType<typeof plainError>;
    assert.deepEqual(errorText(received, chinese).split('\n'), [
      `a.medtext.json 不是有效的配方，${problems.length} 个问题：`,
      ...lines(chinese, '：'),
    ]);
  });

  it('from elsewhere are read only if they are words', () => {
    assert.equal(wordsFrom({ template: 'a {0}', values: [1] })?.toString(), 'a 1');
    const deep = (levels: number): unknown => (levels === 0 ? 'x' : { template: '{0}', values: [deep(levels - 1)] });
    for (const value of [
      undefined,
      null,
      'x',
      3,
      {},
      { template: 3, values: [] },
      { template: '', values: 'x' },
      { template: 'x', values: [null] },
      deep(40),
    ]) {
      // prettier-ignore
      assert.equal(wordsFrom(value), undefined, JSON.stringify(value)?.slice(0, 60));
    }
  });

  it('every code that is shown has a Chinese meaning', () => {
    const source = readFileSync(join(root, 'src/base/errors.ts'), 'utf8');
    const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code as ErrorCode);
    assert.ok(codes.length > 25);
    for (const code of codes.filter((one) => !['CANCELLED', 'USAGE'].includes(one))) {
      assert.notEqual(errorText({ code, message: 'x' }, chinese), 'x', code);
    }
  });

  it('every message that a person may meet says its words, and has its Chinese', () => {
    const templates = wordTemplates(['src']);
    assert.ok(templates.size > 280, `${templates.size}`);
    for (const template of templates) assert.notEqual(bundle[template], undefined, template);
    const plain: string[] = [];
    for (const room of ROOMS) {
      for (const entry of readdirSync(join(root, 'src', room), { withFileTypes: true, recursive: true })) {
        if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
        const source = readFileSync(join(entry.parentPath, entry.name), 'utf8');
        for (const [, code, message] of source.matchAll(/new MedTextError\(\s*'([A-Z_]+)',\s*(['"`].{0,60})/g)) {
          if (!ENGLISH_ONLY.test(code)) plain.push(`${entry.name}: ${code} ${message}`);
        }
      }
    }
    assert.deepEqual(plain, []);
    assert.deepEqual(englishValues(['src']), []);
  });
});
