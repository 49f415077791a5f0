import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseHubReference } from '../../src/hub/hubReference';
import { cachedRepositories, findCached } from '../../src/hub/localCaches';

describe("the hubs' own caches", () => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'medtext-caches-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const write = (path: string, content = '{}'): string => {
    const file = join(home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    symlinkSync(target, join(home, path));
  };
  const commit = (letter: string): string => letter.repeat(40);
  /** As huggingface_hub lays it out: blobs by their hash, snapshots of links, refs. */
  const huggingFace = (base: string, name: string, revision: string, files: readonly string[]): void => {
    for (const [index, file] of files.entries()) {
      write(`${base}/${name}/blobs/${revision.slice(0, 8)}${index}`, 'x'.repeat(10));
      link(`${base}/${name}/snapshots/${revision}/${file}`, `${'../'.repeat(1 + file.split('/').length)}blobs/${revision.slice(0, 8)}${index}`); // prettier-ignore
    }
  };
  const list = async (env: NodeJS.ProcessEnv = {}) =>
    (await cachedRepositories({ env, home })).map(({ hub, kind, repository, sizeBytes }) => `${hub} ${kind} ${repository} ${sizeBytes}`); // prettier-ignore
  const find = async (reference: string, env: NodeJS.ProcessEnv = {}) =>
    (await findCached(parseHubReference(reference)!, { env, home }))?.folder.slice(home.length + 1);

  it('ModelScope: the layouts of old and new clients, dots written as underscores, downloads under way left out', async () => {
    for (const place of [
      '.cache/modelscope/hub/models/damo/new',
      '.cache/modelscope/hub/damo/old___v1___0',
      '.cache/modelscope/models/iic/newest',
      '.cache/modelscope/hub/._____temp/damo/partial',
      '.cache/modelscope/hub/damo/._____temp',
    ]) {
      write(`${place}/config.json`);
      write(`${place}/pytorch_model.bin`, 'weights');
    }
    write('.cache/modelscope/hub/damo/nothing/config.json');
    write('.cache/modelscope/hub/datasets/a/b/config.json');
    assert.deepEqual(await list(), ['modelscope model damo/new 9', 'modelscope model damo/old.v1.0 9', 'modelscope model iic/newest 9']); // prettier-ignore
    assert.equal(await find('modelscope:damo/old.v1.0'), '.cache/modelscope/hub/damo/old___v1___0');
    assert.equal(await find('modelscope:damo/newest'), '.cache/modelscope/models/iic/newest');
    assert.equal(await find('modelscope:damo/newest@v2'), undefined);
    assert.equal(await find('modelscope:datasets/damo/newest'), undefined);
    assert.equal(await find('hf:damo/new'), undefined);
  });

  it('ModelScope: snapshots by revision, as modelscope-hub 0.5.1 keeps them; data sets too', async () => {
    const base = '.cache/modelscope';
    for (const revision of ['master', 'v1.0']) {
      write(`${base}/models/damo--nlp_x.y/snapshots/${revision}/config.json`);
      write(`${base}/models/damo--nlp_x.y/snapshots/${revision}/pytorch_model.bin`, 'weights');
    }
    write(`${base}/models/a--only/snapshots/v2/config.json`);
    write(`${base}/models/a--only/snapshots/v2/model.safetensors`);
    write(`${base}/models/a--partial/snapshots/master/config.json`);
    write(`${base}/models/a--partial/snapshots/master/model.safetensors`);
    write(`${base}/models/a--partial/snapshots/master/vocab.txt.incomplete`);
    write(`${base}/datasets/chuanqi--CBLUE-KUAKE-QQR/snapshots/master/train.json`, '[]');
    write(`${base}/hub/datasets/old/rows/data/train.csv`, 'a,b');
    write(`${base}/hub/datasets/old/meta_only/master/meta/0123`, 'a,b');
    assert.deepEqual(await list(), [
      'modelscope model a/only 4',
      'modelscope dataset chuanqi/CBLUE-KUAKE-QQR 2',
      'modelscope model damo/nlp_x.y 9',
      'modelscope model damo/nlp_x.y 9',
      'modelscope dataset old/rows 3',
    ]);
    const snapshots = `${base}/models/damo--nlp_x.y/snapshots`;
    assert.equal(await find('modelscope:iic/nlp_x.y'), `${snapshots}/master`);
    assert.equal(await find('modelscope:damo/nlp_x.y@v1.0'), `${snapshots}/v1.0`);
    assert.equal(await find('modelscope:damo/nlp_x.y@v3'), undefined);
    assert.equal(await find('modelscope:a/only'), `${base}/models/a--only/snapshots/v2`);
    assert.equal(await find('modelscope:a/partial'), undefined);
    assert.equal(await find('modelscope:datasets/old/rows'), `${base}/hub/datasets/old/rows`);
  });

  it('ModelScope: MODELSCOPE_CACHE', async () => {
    write('elsewhere/models/damo/a/config.json');
    write('elsewhere/models/damo/a/model.safetensors');
    write('elsewhere/hub/damo/b/config.json');
    write('elsewhere/hub/damo/b/model.safetensors');
    const env = { MODELSCOPE_CACHE: join(home, 'elsewhere') };
    assert.deepEqual(await list(env), ['modelscope model damo/a 4', 'modelscope model damo/b 4']);
  });

  it('Hugging Face: snapshots of links, by branch and by commit; what is not whole is no model', async () => {
    const base = '.cache/huggingface/hub';
    huggingFace(base, 'models--org--name', commit('a'), ['config.json', 'model.safetensors', '1_Pooling/config.json']);
    huggingFace(base, 'models--org--name', commit('b'), ['config.json', 'model.safetensors']);
    write(`${base}/models--org--name/refs/main`, commit('b'));
    write(`${base}/models--org--name/refs/refs/pr/1`, commit('a'));
    huggingFace(base, 'models--bert-base-chinese', commit('c'), ['config.json', 'pytorch_model.bin']);
    huggingFace(base, 'models--org--only-config', commit('d'), ['config.json']);
    huggingFace(base, 'models--org--broken', commit('e'), ['config.json']);
    link(`${base}/models--org--broken/snapshots/${commit('e')}/model.safetensors`, '../../blobs/gone');
    huggingFace(base, 'datasets--org--rows', commit('f'), ['train.csv']);
    assert.deepEqual(await list(), [
      'huggingface model bert-base-chinese 20',
      'huggingface model org/name 30',
      'huggingface model org/name 20',
      'huggingface dataset org/rows 10',
    ]);
    const snapshot = `${base}/models--org--name/snapshots`;
    assert.equal(await find('hf:org/name'), `${snapshot}/${commit('b')}`);
    assert.equal(await find('hf:org/name@main'), `${snapshot}/${commit('b')}`);
    assert.equal(await find('hf:org/name@refs/pr/1'), `${snapshot}/${commit('a')}`);
    assert.equal(await find(`hf:org/name@${commit('a')}`), `${snapshot}/${commit('a')}`);
    assert.equal(await find('hf:org/name@v9'), undefined);
    assert.equal(await find('hf:bert-base-chinese'), undefined, 'no branch is known to stand there');
  });

  it('Hugging Face: HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME, in this order', async () => {
    const files = ['config.json', 'model.safetensors'];
    huggingFace('one', 'models--a--one', commit('a'), files);
    huggingFace('two/hub', 'models--a--two', commit('a'), files);
    huggingFace('three/huggingface/hub', 'models--a--three', commit('a'), files);
    const env = { HF_HUB_CACHE: join(home, 'one'), HF_HOME: join(home, 'two'), XDG_CACHE_HOME: join(home, 'three') };
    assert.deepEqual(await list(env), ['huggingface model a/one 20']);
    assert.deepEqual(await list({ ...env, HF_HUB_CACHE: '' }), ['huggingface model a/two 20']);
    assert.deepEqual(await list({ XDG_CACHE_HOME: env.XDG_CACHE_HOME }), ['huggingface model a/three 20']);
    assert.deepEqual(await list({ HF_HOME: '~/two' }), ['huggingface model a/two 20']);
    assert.deepEqual(await list({ HF_HOME: '$PLACE/two', PLACE: home }), ['huggingface model a/two 20']);
  });
});
