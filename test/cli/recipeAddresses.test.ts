import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackHub, type StoredFile } from '../hub/support/loopbackHub';
import { jsonLines, medtext } from './support/commandLine';

const fixture = join(__dirname, '../fixtures/checkpoints/structbert');
const root = join(__dirname, '../..');
const sample = readFileSync(join(root, 'samples/kuake-qqr.medtext.json'), 'utf8');

/** A mirror of the two repositories that the documentation's first recipe names: a tiny StructBERT, and rows of our own. */
function pairs(count: number): Buffer {
  const rows = Array.from({ length: count }, (_, i) => ({ query1: `肺炎怎么治疗${i}`, query2: i % 3 ? `肺炎如何治疗${i}` : '感冒', label: String(i % 3), id: `s${i}` })); // prettier-ignore
  return Buffer.from(JSON.stringify([...rows, { query1: '甲', query2: '乙', label: 'NA', id: 'x' }]));
}

describe('a recipe that names model and data by their addresses', () => {
  let home: string;
  let hub: LoopbackHub;
  const files: Record<string, StoredFile> = {};
  for (const name of readdirSync(fixture)) files[name] = { content: readFileSync(join(fixture, name)) };
  const map = { default: { train: { meta: 'KUAKE-QQR_train.json' }, validation: { meta: 'KUAKE-QQR_dev.json' }, test: { meta: 'KUAKE-QQR_test.json' } } }; // prettier-ignore

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-address-'));
    hub = await LoopbackHub.start(
      { 'damo/nlp_medical_structbert_backbone_base': { files }, 'org/tiny': { files } },
      {
        'chuanqi/CBLUE-KUAKE-QQR': {
          files: {
            'CBLUE-KUAKE-QQR.json': { content: Buffer.from(JSON.stringify(map)) },
            'KUAKE-QQR_train.json': { content: pairs(12) },
            'KUAKE-QQR_dev.json': { content: pairs(6) },
            'KUAKE-QQR_test.json': { content: pairs(900) },
          },
        },
      },
    );
  });
  afterEach(async () => {
    await hub.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const env = () => ({
    HOME: home,
    USERPROFILE: home,
    XDG_CACHE_HOME: '',
    XDG_DATA_HOME: '',
    MEDTEXT_MODELS: '',
    MEDTEXT_DATASETS: '',
    MEDTEXT_CACHE: '',
    MODELSCOPE_CACHE: '',
    HF_HOME: '',
    HF_HUB_CACHE: '',
    HUGGINGFACE_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
    HF_TOKEN: '',
    MODELSCOPE_API_TOKEN: '',
    MODELSCOPE_ENDPOINT: hub.endpoint,
    HF_ENDPOINT: hub.endpoint,
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  });
  const quick = ['--epochs', '1', '--device', 'cpu', '--threads', '1'];
  const finetune = async (args: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await medtext(['finetune', ...args, ...quick, '--json'], { cwd: home, env: { ...env(), ...more } }); // prettier-ignore
    return { code, stderr, last: jsonLines(stdout).at(-1) };
  };
  const recipeFile = (recipe: unknown): string => {
    const file = join(home, 'a.medtext.json');
    writeFileSync(file, typeof recipe === 'string' ? recipe : JSON.stringify(recipe));
    return file;
  };
  const models = () => join(home, '.local/share/medtext/models');
  const askedFiles = () => hub.requests.flatMap(({ path }) => new URL(path, 'http://x').searchParams.get('FilePath') ?? []); // prettier-ignore

  it("the documentation's first recipe is the sample, in both languages", () => {
    for (const language of ['en', 'zh-cn']) {
      const page = readFileSync(join(root, 'docs', language, 'recipes.md'), 'utf8');
      const first = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, block]) => block).find((block) => /"dataset"/.test(block)); // prettier-ignore
      assert.equal(first, sample, language);
    }
  });

  it("the documentation's first recipe runs: nothing without leave, then what it needs and no more, once", async () => {
    const file = recipeFile(sample);
    const refused = await finetune([file]);
    assert.equal(refused.code, 1);
    assert.equal(refused.last.error.code, 'OFFLINE');
    assert.match(refused.last.error.message, /nlp_medical_structbert_backbone_base, modelscope:datasets\/chuanqi\/CBLUE-KUAKE-QQR@master/); // prettier-ignore
    assert.deepEqual(hub.requests, [], 'no hub is asked before a person is');

    const first = await finetune([file, '--yes']);
    assert.equal(first.code, 0, JSON.stringify(first));
    assert.match(
      first.stderr,
      /model modelscope:damo\/nlp_medical_structbert_backbone_base@master: 5 files, 2\d\.\d KB/,
    );
    assert.match(first.stderr, /data set modelscope:datasets\/chuanqi\/CBLUE-KUAKE-QQR@master: 2 files/);
    assert.ok(!askedFiles().includes('KUAKE-QQR_test.json'), 'the test split is not needed');
    assert.deepEqual(readdirSync(models()).filter((name) => !name.startsWith('.')), ['nlp_medical_structbert_backbone_base']); // prettier-ignore
    const run = JSON.parse(readFileSync(join(first.last.run, 'run.json'), 'utf8'));
    assert.equal(run.data.train.file.split('/').at(-1), 'KUAKE-QQR_train.json');
    assert.equal(first.last.status, 'finished');

    // A second time, and on a machine without a network.
    hub.requests.length = 0;
    const again = await finetune([file], { HF_HUB_OFFLINE: '1' });
    assert.equal(again.code, 0, JSON.stringify(again));
    assert.deepEqual(hub.requests, []);
  });

  it('a model of the library, by its content', async () => {
    const train = join(home, 'train.json');
    writeFileSync(train, pairs(12));
    const recipe = (model: string) => ({ task: 'sentence-similarity', model, dataset: { train: { file: 'train.json', label_mapping: { NA: null } } } }); // prettier-ignore
    const [bring, { contentHash }] = await (async () => {
      const brought = await finetune([recipeFile(recipe('hf:org/tiny')), '--yes']);
      return [brought, JSON.parse(readFileSync(join(models(), 'tiny', 'medtext-model.json'), 'utf8'))];
    })();
    assert.equal(bring.code, 0, JSON.stringify(bring));
    const digits = contentHash.slice('sha256:'.length, 'sha256:'.length + 12);
    for (const address of [`library:tiny@${digits}`, `library:another-name@${digits}`, 'library:tiny']) {
      const { code, last } = await finetune([recipeFile(recipe(address))]);
      assert.equal(code, 0, `${address} ${JSON.stringify(last)}`);
    }
    const absent = await finetune([recipeFile(recipe(`library:tiny@${'0'.repeat(12)}`))]);
    assert.equal(absent.last.error.code, 'NOT_FOUND');
    assert.match(absent.last.error.message, new RegExp(`It has tiny@${digits}`));
    for (const wrong of ['library:', 'library:../x', 'library:tiny@12', 'hf:datasets/org/tiny', 'hf:org/tiny#train']) {
      const { last } = await finetune([recipeFile(recipe(wrong))]);
      assert.ok(['RECIPE', 'USAGE'].includes(last.error.code), `${wrong}: ${last.error.message}`);
    }
  });

  it('what is wrong in a recipe is said before anything is asked for', async () => {
    const { last } = await finetune([recipeFile(sample.replace('"batch_size"', '"batchsize"')), '--yes']);
    assert.equal(last.error.code, 'RECIPE');
    assert.deepEqual(hub.requests, []);
  });

  it('the same model under another name is kept once, and known by both', async () => {
    const data = ['--train', 'modelscope:chuanqi/CBLUE-KUAKE-QQR#train', '--labels', '0,1,2', '--map', 'NA='];
    assert.equal((await finetune(['--model', 'hf:org/tiny', ...data, '--yes'])).code, 0);
    assert.equal((await finetune(['--model', 'modelscope:iic/nlp_medical_structbert_backbone_base', ...data, '--yes'])).code, 0); // prettier-ignore
    assert.deepEqual(
      readdirSync(models()).filter((name) => !name.startsWith('.')),
      ['tiny'],
    );
    hub.requests.length = 0;
    const { code } = await finetune(['--model', 'modelscope:damo/nlp_medical_structbert_backbone_base', ...data]);
    assert.equal(code, 0);
    assert.deepEqual(hub.requests, []);
  });

  it("a split that is not there is named with the files that are; what a hub's client has is taken from its cache", async () => {
    const cached = join(home, '.cache/modelscope/datasets/chuanqi--CBLUE-KUAKE-QQR/snapshots/master');
    mkdirSync(cached, { recursive: true });
    writeFileSync(join(cached, 'KUAKE-QQR_train.json'), pairs(12));
    const data = (split: string) => ['--model', fixture, '--train', `modelscope:chuanqi/CBLUE-KUAKE-QQR${split}`, '--labels', '0,1,2', '--map', 'NA=']; // prettier-ignore
    assert.equal((await finetune(data('#train'))).code, 0);
    assert.deepEqual(hub.requests, []);
    const absent = await finetune([...data('#dialogue'), '--yes']);
    assert.equal(absent.last.error.code, 'NOT_FOUND');
    assert.match(
      absent.last.error.message,
      /no file of the split "dialogue": it has KUAKE-QQR_train\.json, KUAKE-QQR_dev\.json/,
    );
    rmSync(cached, { recursive: true });
    const open = await finetune([...data(''), '--yes']);
    assert.match(open.last.error.message, /has 3 files: .*Name one of them/);
    assert.ok(!existsSync(join(home, '.local/share/medtext/datasets/modelscope/datasets/x')));
  });
});
