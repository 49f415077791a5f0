import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logTo } from '../../src/base/log';
import { ModelStore } from '../../src/extension/modelStore';
import { hubSettings } from '../../src/hub/hubSettings';
import { findSources } from '../../src/library/recipeSources';
import { modelDetail } from '../../src/protocol/library';
import { libraryAddress } from '../../src/protocol/recipeAddress';
import { LibraryClient } from '../../src/worker/libraryClient';
import { LibraryEngine, type LibraryProgress } from '../../src/worker/libraryEngine';
import { LoopbackHub, type StoredFile } from '../hub/support/loopbackHub';
import { isAlive, launchOf, until } from './support/launch';

const fixture = join(__dirname, '../fixtures/checkpoints/structbert');
const token = 'token-of-nobody';

describe('the library: models and data sets into the editor', () => {
  let home: string;
  let hub: LoopbackHub;
  let lines: string[];
  let engine: LibraryEngine;
  const files: Record<string, StoredFile> = {};
  for (const name of readdirSync(fixture)) files[name] = { content: readFileSync(join(fixture, name)) };

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-library-'));
    const rows = { files: { 'train.csv': { content: Buffer.from('query1,query2,label\n肺炎,感冒,0\n') } } };
    hub = await LoopbackHub.start({ 'damo/tiny': { files }, 'org/secret': { files, token } }, { 'chuanqi/rows': rows });
    lines = [];
    engine = new LibraryEngine(
      logTo((level, message) => lines.push(`${level} ${message}`)),
      environment(),
    );
  });
  afterEach(async () => {
    await hub.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const environment = (): Record<string, string> => ({ HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, 'none'), MODELSCOPE_CACHE: join(home, 'none'), NO_PROXY: '127.0.0.1' }); // prettier-ignore
  const hubOptions = () => ({ endpoints: { modelscope: hub.endpoint, huggingface: hub.endpoint } });
  const wish = (source: string) => ({
    source,
    isDataset: false,
    downloads: join(home, 'downloads'),
    hub: hubOptions(),
  });
  const job = (progress: LibraryProgress[] = []) => ({
    onProgress: (one: LibraryProgress) => void progress.push(one),
    signal: new AbortController().signal,
  });
  it('what a recipe names by address: said with its size, brought once, then found by the editor and the training', async () => {
    const env = { ...environment(), MEDTEXT_MODELS: join(home, 'library'), MEDTEXT_DATASETS: join(home, 'data') };
    const own = new LibraryEngine(
      logTo(() => undefined),
      env,
    );
    const recipe = { model: 'modelscope:damo/tiny', dataset: { train: { file: 'modelscope:chuanqi/rows#train' } } };
    const wanted = { recipe, hub: hubOptions(), known: [] };
    const missing = await own.missingSources(wanted, job().signal);
    assert.deepEqual(missing.map(({ kind, reference, files: { length } }) => [kind, reference, length]), [
      ['model', 'modelscope:damo/tiny@master', 5],
      ['dataset', 'modelscope:datasets/chuanqi/rows@master', 1],
    ]); // prettier-ignore
    const progress: LibraryProgress[] = [];
    await own.bringSources(wanted, job(progress));
    assert.deepEqual([...new Set(progress.map(({ phase }) => phase))], ['download', 'import']);
    assert.deepEqual(await own.missingSources(wanted, job().signal), []);
    const memory = { get: () => undefined, update: async () => undefined };
    const [listed] = new ModelStore(memory, memory, () => env.MEDTEXT_MODELS).list();
    assert.equal(listed.folder, join(home, 'library', 'tiny'));
    const places = { env, settings: hubSettings({}) };
    const address = libraryAddress('tiny', listed.record!.contentHash);
    const found = await findSources({ ...recipe, model: address }, places);
    assert.deepEqual(found.recipe, {
      model: listed.folder,
      dataset: {
        train: { file: join(home, 'data', 'modelscope', 'datasets', 'chuanqi--rows', 'default', 'train.csv') },
      },
    });
    assert.deepEqual(found.missing, []);
    const asked = hub.requests.length;
    const files = ['modelscope:chuanqi/rows#train', 'modelscope:chuanqi/other#train', 'modelscope:chuanqi/rows#dev'];
    const [here, absent, wrong] = await own.localData({ files, hub: hubOptions() });
    assert.equal(here.path, found.recipe.dataset.train.file);
    assert.deepEqual(absent, { file: files[1] });
    assert.deepEqual([wrong.path, wrong.error?.code], [undefined, 'NOT_FOUND']);
    assert.equal(hub.requests.length, asked, 'no hub is asked');
  });

  const models = () => ({ models: join(home, 'models'), known: [] as string[] });

  it('says what would come, then brings a model with its facts; the same one again is kept once', async () => {
    const found = await engine.find(wish('modelscope:damo/tiny'), job().signal);
    assert.deepEqual([found.kind, found.what, found.name], ['remote', 'model', 'tiny']);
    assert.equal(found.totalBytes, found.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)); // prettier-ignore
    const progress: LibraryProgress[] = [];
    const first = await engine.importModel({ ...wish('modelscope:damo/tiny'), ...models() }, job(progress));
    assert.equal(first.folder, join(home, 'models', 'tiny'));
    assert.ok(first.isNew && first.facts.source === 'modelscope:damo/tiny' && first.facts.importedAt);
    assert.deepEqual([...new Set(progress.map(({ phase }) => phase))], ['download', 'import']);
    const again = await engine.importModel({ ...wish(fixture), ...models() }, job());
    assert.deepEqual([again.folder, again.isNew], [first.folder, false]);
    assert.deepEqual(readdirSync(join(home, 'models')), ['tiny']);
    const elsewhere = join(home, 'elsewhere');
    const known = await engine.importModel({ ...wish(fixture), models: elsewhere, known: [first.folder] }, job());
    assert.deepEqual([known.folder, existsSync(elsewhere) ? readdirSync(elsewhere) : []], [first.folder, []]);
    // What was changed since is another model.
    writeFileSync(join(first.folder, 'vocab.txt'), `${readFileSync(join(first.folder, 'vocab.txt'), 'utf8')}[more]\n`);
    assert.ok((await engine.importModel({ ...wish(fixture), ...models() }, job())).isNew);
    const check = await engine.verify(first.folder, job());
    assert.ok(!check.ok);
    assert.deepEqual(check.files.filter(({ state }) => state !== 'same').map(({ name }) => name), ['vocab.txt']); // prettier-ignore
  });

  it('a data set, whether or not its name says that it is one', async () => {
    const output = join(home, 'rows');
    for (const source of ['modelscope:chuanqi/rows', 'hf:datasets/chuanqi/rows']) {
      assert.equal((await engine.find(wish(source), job().signal)).what, 'dataset');
      assert.deepEqual(await engine.importDataset({ ...wish(source), output }, job()), { folder: output, files: ['train.csv'] }); // prettier-ignore
      await assert.rejects(engine.importModel({ ...wish(source), ...models() }, job()), { code: 'USAGE' });
      rmSync(output, { recursive: true });
    }
  });

  it('tokens open what is closed, and are nowhere told', async () => {
    const secret = wish('hf:org/secret');
    await assert.rejects(engine.importModel({ ...secret, ...models() }, job()), { code: 'ACCESS' });
    const opened = { ...secret, hub: { ...hubOptions(), tokens: { huggingface: token } } };
    const { folder } = await engine.importModel({ ...opened, ...models() }, job());
    assert.ok(existsSync(join(folder, 'model.safetensors')));
    assert.ok(lines.length > 0 && !lines.join('\n').includes(token));
    assert.ok(!readFileSync(join(folder, 'medtext-model.json'), 'utf8').includes(token));
  });

  it('offline is said, and what a cache holds is found', async () => {
    const offline = new LibraryEngine(
      logTo(() => undefined),
      { ...environment(), HF_HUB_OFFLINE: '1' },
    );
    await assert.rejects(offline.find(wish('modelscope:damo/tiny'), job().signal), { code: 'OFFLINE' });
    const cached = join(home, 'none', 'models', 'damo', 'tiny');
    mkdirSync(cached, { recursive: true });
    for (const [name, { content }] of Object.entries(files)) writeFileSync(join(cached, name), content);
    assert.deepEqual((await offline.caches()).map(({ reference }) => reference), ['modelscope:damo/tiny']); // prettier-ignore
    const { facts, folder } = await offline.importModel({ ...wish('modelscope:damo/tiny'), ...models() }, job());
    assert.deepEqual([facts.source, folder], ['modelscope:damo/tiny', join(home, 'models', 'tiny')]);
  });

  it('looks into a model: facts, configuration, tensors, tokens', async () => {
    const detail = modelDetail(await engine.detail(fixture, job().signal));
    assert.deepEqual([detail.facts.layers, detail.facts.hiddenSize, detail.facts.hasMaskedLm], [2, 8, false]);
    assert.deepEqual(detail.tensors.find(({ name }) => name === 'classifier.weight')?.shape, [3, 8]);
    assert.equal(detail.tokenizer?.maskToken, '[MASK]');
    const shown = async (first: string, second: string) => {
      const { tokens } = await engine.tokenize(fixture, first, second);
      return tokens.map(({ text, textIndex }) => `${textIndex ?? ''}${text}`).join(' ');
    };
    assert.equal(await shown('糖尿病', '高血压[MASK]'), '[CLS] 0糖 0尿 0病 [SEP] 1高 1血 1压 1[MASK] [SEP]');
    // A special token that a person wrote belongs to its text.
    assert.equal(await shown('糖[SEP]尿', '高'), '[CLS] 0糖 0[SEP] 0尿 [SEP] 1高 [SEP]');
    const withoutWords = modelDetail(await engine.detail(join(fixture, '../masked-lm'), job().signal));
    assert.ok(
      withoutWords.tokenizer === null && withoutWords.tokenizerProblem !== '' && withoutWords.facts.hasMaskedLm,
    );
  });

  it('words that a model splits, with their counts; the chosen ones come into the library as a model with more tokens', async () => {
    mkdirSync(join(home, 'texts'));
    writeFileSync(join(home, 'texts/a.txt'), '糖尿病与高血压。糖尿病！\n糖尿病');
    writeFileSync(join(home, 'terms.txt'), '糖尿病\n高血压\n');
    const told: LibraryProgress[] = [];
    const asked = { folder: fixture, texts: [join(home, 'texts')], terms: join(home, 'terms.txt'), top: 100 };
    const gaps = await engine.vocabularyGaps(asked, job(told));
    const found = gaps.find(({ text }) => text === '糖尿病');
    assert.deepEqual(found, { text: '糖尿病', count: 3, pieces: ['糖', '尿', '病'], isUnknown: false });
    assert.deepEqual((await engine.vocabularyGaps({ ...asked, top: 1 }, job())).length, 1);
    assert.deepEqual([...new Set(told.map(({ phase }) => phase))], ['count']);

    const library = join(home, 'models');
    const extend = { folder: fixture, name: 'runs/of me:1', models: library, tokens: ['糖尿病', '高血压'] };
    const { folder, vocabulary } = await engine.extendModel(extend, job(told));
    assert.deepEqual([folder, vocabulary.after - vocabulary.before], [join(library, 'runs-of me-1-extended'), 2]);
    assert.equal(told.at(-1)!.phase, 'import');
    const { tokens } = await engine.tokenize(folder, '糖尿病高血压');
    assert.deepEqual(tokens.map(({ text }) => text), ['[CLS]', '糖尿病', '高血压', '[SEP]']); // prettier-ignore
    // The Models view finds it, with what it was made of.
    const memory = { get: () => undefined, update: async () => undefined };
    const [listed] = new ModelStore(memory, memory, () => library).list();
    assert.deepEqual([listed.folder, listed.record?.source], [folder, 'runs/of me:1']);
    assert.equal(listed.record?.vocabSize, vocabulary.after);
    const again = await engine.extendModel({ ...extend, folder, name: listed.name, tokens: ['尿病'] }, job());
    assert.equal(again.folder, join(library, 'runs-of me-1-extended-2'));
    assert.ok((await engine.verify(again.folder, job())).ok);
    // Nothing is left of one that cannot be.
    await assert.rejects(engine.extendModel({ ...extend, tokens: ['糖'] }, job()), { code: 'USAGE' });
    const cancelled = { onProgress: () => undefined, signal: AbortSignal.abort() };
    await assert.rejects(engine.extendModel({ ...extend, tokens: ['血压'] }, cancelled), { code: 'CANCELLED' });
    assert.deepEqual(readdirSync(library).length, 2);
  });

  it('tells how far an import is, up to the whole, and leaves nothing behind when it is cancelled on the way', async () => {
    const abort = new AbortController();
    const cancelled = { onProgress: () => abort.abort(), signal: abort.signal };
    await assert.rejects(engine.importModel({ ...wish(fixture), ...models() }, cancelled), { code: 'CANCELLED' });
    assert.deepEqual(existsSync(join(home, 'models')) ? readdirSync(join(home, 'models')) : [], []);
    const told: LibraryProgress[] = [];
    await engine.importModel({ ...wish(fixture), ...models() }, job(told));
    const { done, total } = told.at(-1)!;
    assert.ok(total > 0 && done === total);
    assert.ok(told.every((one, i) => i === 0 || one.done >= told[i - 1].done));
  });

  it('deletes what it has imported, and nothing else', async () => {
    const { folder } = await engine.importModel({ ...wish(fixture), ...models() }, job());
    await engine.remove(folder);
    assert.deepEqual(readdirSync(join(home, 'models')), []);
    const other = join(home, 'other');
    mkdirSync(other);
    await assert.rejects(engine.remove(other), { code: 'USAGE' });
    assert.ok(existsSync(other));
  });

  it('in a process of its own: progress reaches the request it is of, a kill and a cancel keep what came, closing ends the process', async () => {
    const launch = launchOf('../../../src/worker/libraryMain.ts', lines, environment());
    const client = new LibraryClient(() => ({ ...launch, execArgv: ['--import', 'tsx'] }));
    const number = client.newJob();
    const told: number[] = [];
    client.onProgress(({ job: of }) => told.push(of));
    const { folder } = await client.request('importModel', {
      ...wish('modelscope:damo/tiny'),
      ...models(),
      job: number,
    });
    assert.equal(folder, join(home, 'models', 'tiny'));
    assert.ok(told.length > 0 && told.every((of) => of === number));
    rmSync(folder, { recursive: true });
    // Killed in mid-download: the next process goes on where the part ends.
    hub.faults['pytorch_model.bin'] = [{ kind: 'drop', afterBytes: 12_000 }, { kind: 'silence' }];
    const lost = client.request('importModel', { ...wish('modelscope:damo/tiny'), ...models(), job: number });
    lost.catch(() => undefined);
    const parts = (): string[] => readdirSync(join(home, 'downloads'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part')); // prettier-ignore
    await until(() => hub.faults['pytorch_model.bin'].length === 0 && parts().length === 1, 'a part is here', 60_000);
    process.kill((await client.pid())!, 'SIGKILL');
    await assert.rejects(lost, { code: 'CLOSED' });
    const keptBytes = statSync(join(home, 'downloads', parts()[0])).size;
    assert.ok(keptBytes > 0);
    const before = hub.requests.length;
    await client.request('importModel', { ...wish('modelscope:damo/tiny'), ...models(), job: number });
    const [resumed] = hub.requests
      .slice(before)
      .filter(({ path }) => decodeURIComponent(path).includes('pytorch_model'));
    assert.equal(resumed.headers.range, `bytes=${keptBytes}-`);
    rmSync(folder, { recursive: true });

    hub.faults['pytorch_model.bin'] = [{ kind: 'silence' }];
    const abort = new AbortController();
    const cancelled = client.request(
      'importModel',
      { ...wish('modelscope:damo/tiny'), ...models(), job: 2 },
      abort.signal,
    );
    await until(() => hub.faults['pytorch_model.bin'].length === 0, 'the file was asked for', 60_000);
    abort.abort();
    await assert.rejects(cancelled, { code: 'CANCELLED' });
    // The request is over at once, the process tidies up behind it.
    await until(() => !existsSync(folder), 'nothing is left', 60_000);
    const pid = (await client.pid())!;
    client.dispose();
    await until(() => !isAlive(pid), 'the process ended', 60_000);
  }).timeout(180_000);
});
