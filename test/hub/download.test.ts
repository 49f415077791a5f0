import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { MedTextError } from '../../src/base/errors';
import { logTo } from '../../src/base/log';
import { HubClient, WORKSHOP, type DownloadPlan } from '../../src/hub/download';
import { parseHubReference } from '../../src/hub/hubReference';
import { parseSplitMap } from '../../src/hub/splitMap';
import { hubSettings, type HubOverrides } from '../../src/hub/hubSettings';
import { rateLimitMs, type TransportLimits } from '../../src/hub/transport';
import { LoopbackHub, sha256, startProxy, type StoredFile, type StoredRepository } from './support/loopbackHub';

const withCode = (code: string, message?: RegExp) => (error: MedTextError) => {
  assert.equal(error.code, code, `${error.code}: ${error.message}`);
  if (message) assert.match(error.message, message);
  return true;
};

/** Bytes that differ from place to place, so that a shift shows. */
function bytes(length: number, seed: number): Buffer {
  const content = Buffer.alloc(length);
  for (let i = 0, state = seed; i < length; i++) content[i] = (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 16;
  return content;
}

const text = (content: string): StoredFile => ({ content: Buffer.from(content) });
const weights: StoredFile = { content: bytes(300_000, 7), lfs: true };
const model: StoredRepository = {
  files: {
    'README.md': text('---\nlicense: apache-2.0\n---\n# a model\n'),
    'config.json': text('{"model_type": "bert"}'),
    'vocab.txt': text('[PAD]\n[UNK]\n'),
    'empty/.gitkeep': text(''),
    'model.safetensors': weights,
    'pytorch_model.bin': { content: bytes(310_000, 9), lfs: true },
    'tf_model.h5': { content: bytes(10, 9), lfs: true },
  },
};
/** ModelScope serves its files itself. */
const onModelScope = (repository: StoredRepository): StoredRepository => ({
  ...repository,
  files: Object.fromEntries(Object.entries(repository.files).map(([name, file]) => [name, { ...file, lfs: false }])),
});

const quick: Partial<TransportLimits> = {
  connectMs: 2000,
  answerMs: 400,
  idleMs: 400,
  tries: 4,
  firstPauseMs: 5,
  longestPauseMs: 1500,
  slowBytes: 200,
  slowWindowMs: 300,
};

describe('a search of a hub', () => {
  let hub: LoopbackHub;
  const clientOf = (overrides: HubOverrides = {}): HubClient => new HubClient({ settings: hubSettings({}, { endpoints: { modelscope: hub.endpoint, huggingface: hub.endpoint }, ...overrides }), limits: { tries: 1, connectMs: 2000 } }); // prettier-ignore
  beforeEach(async () => {
    hub = await LoopbackHub.start({ 'org/medbert-zh': model, 'org/other': model }, { 'org/medbert-pairs': model });
  });
  afterEach(() => hub.stop());

  it('brings names with what the hub says of them, of models or data sets', async () => {
    const client = clientOf();
    assert.deepEqual(await client.search('huggingface', 'MedBERT', 'model'), [
      { repository: 'org/medbert-zh', downloads: 12_345, license: 'mit', task: 'fill-mask' },
    ]);
    assert.deepEqual(await client.search('modelscope', '医疗 MedBERT', 'model'), []);
    assert.deepEqual(await client.search('modelscope', 'medbert', 'dataset'), [
      { repository: 'org/medbert-pairs', downloads: 67, license: 'Apache License 2.0', task: 'fill-mask' },
    ]);
    assert.deepEqual(hub.requests.map(({ path }) => path.split('?')[0]), ['/api/models', '/openapi/v1/models', '/openapi/v1/datasets']); // prettier-ignore
    assert.equal(new URL(hub.requests[1].path, 'http://hub').searchParams.get('search'), '医疗 MedBERT');
    await client.close();
  });

  it('that cannot be asked says so, and asks nobody where downloads are switched off', async () => {
    const off = clientOf({ offline: true });
    await assert.rejects(off.search('modelscope', 'a', 'model'), withCode('OFFLINE', /switched off/));
    assert.equal(hub.requests.length, 0);
    const gone = clientOf({ endpoints: { huggingface: 'http://127.0.0.1:1' } });
    await assert.rejects(gone.search('huggingface', 'a', 'model'), withCode('OFFLINE', /cannot be reached/));
    const client = clientOf();
    hub.apiFaults.push({ kind: 'page' }, { kind: 'status', status: 404 });
    await assert.rejects(client.search('huggingface', 'a', 'model'), withCode('NETWORK', /login page or a proxy/));
    await assert.rejects(client.search('modelscope', 'a', 'model'), withCode('NETWORK', /HTTP 404/));
    for (const one of [off, gone, client]) await one.close();
  });
});

describe('downloads from a hub', () => {
  let folder: string;
  let hub: LoopbackHub;
  const clients: HubClient[] = [];
  const lines: string[] = [];

  const start = async (
    models: Record<string, StoredRepository>,
    datasets: Record<string, StoredRepository> = {},
  ): Promise<void> => {
    hub = await LoopbackHub.start(models, datasets);
  };
  const client = (overrides: HubOverrides = {}, env: NodeJS.ProcessEnv = {}, limits = quick): HubClient => {
    const endpoints = { modelscope: hub.endpoint, huggingface: hub.endpoint };
    const settings = hubSettings(env, { endpoints, ...overrides });
    const made = new HubClient({ settings, limits, log: logTo((_, line) => lines.push(line)) });
    clients.push(made);
    return made;
  };
  const plan = (reference: string, made = client()): Promise<DownloadPlan> =>
    made.plan(parseHubReference(reference)!, join(folder, 'to'));
  const download = async (reference: string, made = client()): Promise<DownloadPlan> => {
    const planned = await plan(reference, made);
    await made.download(planned);
    return planned;
  };
  const at = (name: string): Buffer => readFileSync(join(folder, 'to', name));
  const partOf = (path: string) =>
    join(WORKSHOP, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.part`);
  const names = (): string[] => (readdirSync(join(folder, 'to'), { recursive: true }) as string[]).sort();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-hub-'));
    lines.length = 0;
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((made) => made.close()));
    await hub?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('whole', () => {
    for (const [prefix, repository] of [
      ['hf', model],
      ['modelscope', onModelScope(model)],
    ] as const) {
      // prettier-ignore
      it(`${prefix}: the needed files, one form of weights, verified`, async () => {
        await start({ 'org/name': repository });
        const made = client();
        const planned = await plan(`${prefix}:org/name`, made);
        const needed = ['README.md', 'config.json', 'model.safetensors', 'vocab.txt'];
        assert.deepEqual(planned.files.map(({ path }) => path).sort(), needed);
        assert.deepEqual(planned.leftOut.map(({ path }) => path).sort(), ['pytorch_model.bin', 'tf_model.h5']);
        assert.equal(planned.totalBytes, needed.reduce((sum, name) => sum + model.files[name].content.length, 0)); // prettier-ignore
        assert.equal(planned.keptBytes, 0);
        assert.equal(planned.reference.kind, 'model');
        assert.ok(!existsSync(join(folder, 'to')), 'a plan writes nothing');
        const done: number[] = [];
        const files = await made.download(planned, { onProgress: ({ doneBytes }) => done.push(doneBytes) });
        assert.deepEqual(names(), needed);
        for (const name of needed) assert.deepEqual(at(name), model.files[name].content);
        assert.equal(files.find(({ path }) => path === 'model.safetensors')!.sha256, sha256(weights.content));
        assert.equal(done.at(-1), planned.totalBytes);
      });
    }

    it('what is there already is not fetched again; a file that was changed is', async () => {
      await start({ 'org/name': model });
      await download('hf:org/name');
      const before = hub.requests.filter(({ path }) => path.includes('/resolve/')).length;
      writeFileSync(join(folder, 'to', 'vocab.txt'), '[UNK]\n[PAD]\n'); // as long as the true one
      await download('hf:org/name');
      const after = hub.requests.filter(({ path }) => path.includes('/resolve/')).slice(before);
      assert.deepEqual(after.map(({ path }) => path.split('/').at(-1)), ['vocab.txt']); // prettier-ignore
      assert.equal(at('vocab.txt').toString(), '[PAD]\n[UNK]\n');
    });

    it('a reference that may be either is looked for among models, then data sets; damo and iic are one', async () => {
      const rows: StoredRepository = { files: { 'train.csv': text('a,b\n'), 'README.md': text('x') } };
      await start({ 'iic/name': onModelScope(model) }, { 'org/rows': rows, 'damo/rows': rows });
      assert.equal((await plan('modelscope:damo/name')).reference.repository, 'iic/name');
      assert.equal((await plan('modelscope:org/rows')).reference.kind, 'dataset');
      assert.equal((await plan('modelscope:iic/rows')).reference.repository, 'damo/rows');
      await assert.rejects(plan('modelscope:org/none'), withCode('NOT_FOUND', /neither a model nor a data set/));
      await assert.rejects(plan('modelscope:models/org/rows'), withCode('NOT_FOUND', /no such model/));
    });

    it('revisions', async () => {
      await start({ 'org/name': { ...model, revision: 'v1' }, 'org/ms': { ...onModelScope(model), revision: 'v1' } });
      await download('hf:org/name@v1');
      await download('modelscope:org/ms@v1');
      await assert.rejects(plan('hf:org/name@v2'), withCode('NOT_FOUND', /no revision "v2"/));
      await assert.rejects(plan('modelscope:org/ms'), withCode('NOT_FOUND'));
    });

    it('no more than three at once', async () => {
      const shards = Object.fromEntries(
        Array.from({ length: 9 }, (_, i) => [`model-0000${i + 1}-of-00009.safetensors`, { content: bytes(5000, i), lfs: true }]), // prettier-ignore
      );
      await start({ 'org/name': { files: { 'config.json': text('{}'), 'model.safetensors.index.json': text('{}'), ...shards } } }); // prettier-ignore
      hub.throttle = { bytes: 1000, everyMs: 10 };
      await download('hf:org/name');
      assert.equal(names().length, 11);
      assert.equal(hub.mostBusy, 3);
    });

    it("sentence-transformers' older layout: the encoder's folder with what describes it, one form of weights", async () => {
      const inside = { 'config.json': text('{}'), 'vocab.txt': text('x'), 'sentence_roberta_config.json': text('{}'), 'model.safetensors': weights, 'pytorch_model.bin': weights, 'tf_model.h5': weights }; // prettier-ignore
      const encoder = Object.fromEntries(Object.entries(inside).map(([name, file]) => [`0_Transformer/${name}`, file]));
      await start({ 'org/name': { files: { ...encoder, 'modules.json': text('[]'), '1_Pooling/config.json': text('{}') } } }); // prettier-ignore
      await download('hf:org/name');
      assert.deepEqual(
        names()
          .filter((name) => !/^\d_\w+$/.test(name))
          .sort(),
        ['0_Transformer/config.json', '0_Transformer/model.safetensors', '0_Transformer/sentence_roberta_config.json', '0_Transformer/vocab.txt', '1_Pooling/config.json', 'modules.json'], // prettier-ignore
      );
    });

    it('zero bytes are made without asking', async () => {
      await start({ 'org/name': { files: { ...model.files, 'added_tokens.json': text('') } } });
      await download('hf:org/name');
      assert.equal(at('added_tokens.json').length, 0);
      assert.deepEqual(hub.requestsFor('resolve').filter(({ path }) => path.endsWith('added_tokens.json')), []); // prettier-ignore
    });
  });

  describe('listings', () => {
    const manyFiles = (count: number): StoredRepository => ({
      files: Object.fromEntries(Array.from({ length: count }, (_, i) => [`part-${i}.csv`, text(`${i}\n`)])),
    });

    for (const count of [1, 99, 100, 101, 200, 250]) {
      it(`modelscope: ${count} files in pages of 100`, async () => {
        await start({}, { 'org/rows': manyFiles(count) });
        assert.equal((await plan('modelscope:datasets/org/rows')).files.length, count);
      });
    }

    it('modelscope: a hub that repeats its page ends the list', async () => {
      await start({}, { 'org/rows': manyFiles(100) });
      hub.ignoresPages = true;
      assert.equal((await plan('modelscope:datasets/org/rows')).files.length, 100);
    });

    for (const count of [9, 10, 11, 20]) {
      it(`huggingface: ${count} files in pages of 10, whose links name the original host`, async () => {
        await start({}, { 'org/rows': manyFiles(count) });
        hub.treePageSize = 10;
        assert.equal((await plan('hf:datasets/org/rows')).files.length, count);
      });
    }

    it('a page of a captive network is not a listing', async () => {
      await start({ 'org/name': model });
      hub.apiFaults.push({ kind: 'page' });
      await assert.rejects(plan('hf:org/name'), withCode('NETWORK', /login page/));
      hub.apiFaults.push({ kind: 'page' });
      await assert.rejects(plan('modelscope:models/org/name'), withCode('NETWORK', /login page/));
    });

    it('trouble passes: 503, 429 with Retry-After, silence', async () => {
      await start({ 'org/name': model });
      hub.apiFaults.push({ kind: 'status', status: 503 }, { kind: 'status', status: 429, retryAfter: '1' }, { kind: 'silence' }); // prettier-ignore
      const startedMs = performance.now();
      await plan('hf:org/name');
      assert.ok(performance.now() - startedMs >= 1000, 'waited as long as asked');
      hub.apiFaults.push({ kind: 'status', status: 503, retryAfter: '3600' });
      await assert.rejects(plan('hf:org/name'), withCode('NETWORK', /asks to wait 3600 s/));
      hub.apiFaults.push(...Array.from({ length: 4 }, () => ({ kind: 'status', status: 500 }) as const));
      await assert.rejects(plan('hf:org/name'), withCode('NETWORK', /4 tries/));
    });

    it('no network: said at once', async () => {
      await start({});
      await hub.stop();
      const startedMs = performance.now();
      const made = client({}, {}, { ...quick, firstPauseMs: 60_000, longestPauseMs: 60_000 });
      await assert.rejects(plan('hf:org/name', made), withCode('OFFLINE', /cannot be reached/));
      await assert.rejects(plan('modelscope:org/name', made), withCode('OFFLINE'));
      assert.ok(performance.now() - startedMs < 2000);
      await assert.rejects(plan('hf:org/name', client({}, { HF_HUB_OFFLINE: '1' })), withCode('OFFLINE', /switched off/)); // prettier-ignore
    });

    it('nothing usable is said with what is there', async () => {
      await start({ 'org/a': { files: { 'tf_model.h5': text('x') } }, 'org/b': { files: { 'config.json': text('{}'), 'flax_model.msgpack': text('x') } } }); // prettier-ignore
      await assert.rejects(plan('hf:org/a'), withCode('NOT_FOUND', /no config\.json.*tf_model\.h5/s));
      await assert.rejects(plan('hf:org/b'), withCode('NOT_FOUND', /no weights.*flax_model\.msgpack/s));
    });
  });

  describe('names that would leave the folder', () => {
    const hostile: [string, string][] = [
      ['model/../../config.json', 'leaves'], ['/etc/config.json', 'absolute'], ['x\\..\\config.json', 'backslash'],
      ['C:/config.json', 'character'], ['a\0b/config.json', 'control'], ['nul/config.json', 'device'], ['aux.x/config.json', 'device'],
      ['COM1 .txt/config.json', 'device'], ['a./config.json', 'dot'], ['a /config.json', 'space'], ['a//config.json', 'empty'],
      ['./config.json', 'leaves'], ['a\u202egnp.json', 'control'],
    ]; // prettier-ignore
    for (const [name, why] of hostile) {
      it(JSON.stringify(name), async () => {
        await start({}, { 'org/rows': { files: { [name.replace(/json$/, 'csv')]: text('x') } } });
        const made = client();
        for (const prefix of ['modelscope', 'hf']) {
          await assert.rejects(plan(`${prefix}:datasets/org/rows`, made), withCode('UNSAFE_NAME', new RegExp(why)));
        }
        assert.deepEqual(readdirSync(folder), []);
      });
    }

    it('two names that are one on some disks', async () => {
      await start({}, { 'org/rows': { files: { 'a.csv': text('1'), 'A.csv': text('2') } } });
      await assert.rejects(plan('hf:datasets/org/rows'), withCode('UNSAFE_NAME', /same file/));
      await hub.stop();
      await start({}, { 'org/rows': { files: { 'x/a.csv': text('1'), 'X/b.csv': text('2') } } });
      await assert.rejects(plan('hf:datasets/org/rows'), withCode('UNSAFE_NAME', /same file/));
      await hub.stop();
      await start({}, { 'org/rows': { files: { '\u00e9.csv': text('1'), 'e\u0301.csv': text('2') } } });
      await assert.rejects(plan('hf:datasets/org/rows'), withCode('UNSAFE_NAME', /same file/));
    });

    it('a file that is a folder too, in either order, and what is the download’s own', async () => {
      for (const [listed, why] of [
        [['a.csv', 'a.csv/b.csv'], /both a file and a folder/],
        [['a.csv/b.csv', 'a.csv'], /both a file and a folder/],
        [[`${WORKSHOP}/a.csv`], /reserved for unfinished downloads/],
      ] as const) {
        // prettier-ignore
        await start({}, { 'org/rows': { files: Object.fromEntries(listed.map((name) => [name, text('x')])) } });
        await assert.rejects(plan('hf:datasets/org/rows'), withCode('UNSAFE_NAME', why));
        await hub.stop();
      }
      assert.deepEqual(readdirSync(folder), []);
    });

    it('a link in the folder is not followed', async () => {
      await start({}, { 'org/rows': { files: { 'sub/a.csv': text('1') } } });
      mkdirSync(join(folder, 'to'));
      mkdirSync(join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), join(folder, 'to', 'sub'));
      await assert.rejects(download('hf:datasets/org/rows'), withCode('UNSAFE_NAME', /is a link/));
      assert.deepEqual(readdirSync(join(folder, 'elsewhere')), []);
    });
  });

  describe('interrupted', () => {
    const size = weights.content.length;

    for (const afterBytes of [0, 1, 4096, size - 1]) {
      it(`a connection that drops after ${afterBytes} bytes is continued by Range`, async () => {
        await start({ 'org/name': model });
        hub.faults['model.safetensors'] = [{ kind: 'drop', afterBytes }];
        await download('hf:org/name');
        assert.deepEqual(at('model.safetensors'), weights.content);
        const [, second] = hub.requests.filter(({ origin }) => origin === 'storage');
        const range = second.headers.range;
        if (afterBytes === 0) assert.equal(range, undefined);
        else assert.match(range!, /^bytes=\d+-$/);
        assert.deepEqual(names().filter((name) => name.includes('.part')), []); // prettier-ignore
      });
    }

    it('drops again and again, while it gains', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = [280_000, 5000, 5000].map((afterBytes) => ({ kind: 'drop', afterBytes }) as const); // prettier-ignore
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), weights.content);
    });

    it('gives up after tries that bring nothing, and keeps what came', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = Array.from({ length: 20 }, () => ({ kind: 'drop', afterBytes: 100 }) as const);
      await assert.rejects(download('hf:org/name'), withCode('NETWORK', /4 tries.*kept/));
      assert.ok(at(partOf('model.safetensors')).length > 0);
      assert.ok(!names().includes('model.safetensors'));
    });

    it('cancelled: what came is kept, and continued by another client', async () => {
      await start({ 'org/name': model });
      hub.throttle = { bytes: 10_000, everyMs: 20 };
      const made = client();
      const planned = await plan('hf:org/name', made);
      const abort = new AbortController();
      await assert.rejects(
        made.download(planned, {
          signal: abort.signal,
          onProgress: ({ doneBytes }) => doneBytes > 60_000 && abort.abort(),
        }),
        withCode('CANCELLED'),
      );
      const kept = at(partOf('model.safetensors'));
      assert.ok(kept.length > 0 && kept.length < size, String(kept.length));
      assert.deepEqual(kept, weights.content.subarray(0, kept.length));
      hub.throttle = undefined;
      const again = await plan('hf:org/name');
      assert.ok(again.keptBytes >= kept.length);
      const requests = hub.requests.length;
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), weights.content);
      const [resumed] = hub.requests.slice(requests).filter(({ origin }) => origin === 'storage');
      assert.equal(resumed.headers.range, `bytes=${kept.length}-`);
    });

    it('kill -9 in mid-download, then resumed', async () => {
      await start({ 'org/name': model });
      hub.throttle = { bytes: 10_000, everyMs: 15 };
      const child = spawn(
        process.execPath,
        ['--require', 'tsx/cjs', join(__dirname, 'support', 'downloadChild.ts'), hub.endpoint, 'hf:org/name', join(folder, 'to')], // prettier-ignore
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const exited = new Promise<string | null>((done) => child.on('exit', (_, signal) => done(signal)));
      child.stdout.on('data', (data: Buffer) => {
        if (data.toString().split('\n').some((line) => Number(line) > 80_000)) child.kill('SIGKILL'); // prettier-ignore
      });
      assert.equal(await exited, 'SIGKILL');
      const kept = at(partOf('model.safetensors')).length;
      assert.ok(kept > 0 && kept < size, String(kept));
      assert.ok(names().includes(join(WORKSHOP, 'lock')), 'the dead process held the lock');
      hub.throttle = undefined;
      const requests = hub.requests.length;
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), weights.content);
      const [resumed] = hub.requests.slice(requests).filter(({ origin }) => origin === 'storage');
      assert.equal(resumed.headers.range, `bytes=${kept}-`);
      assert.ok(!names().some((name) => name.startsWith(WORKSHOP)));
    });

    it('a data set may list whatever a download would call its own, and loses nothing', async () => {
      const odd = ['.lock', 'lock', 'x', 'x.part', 'x.part.json', 'x.tmp'];
      const listed = Object.fromEntries(odd.map((name, i) => [name, { content: bytes(2000 + i, i), lfs: true }]));
      await start({}, { 'org/rows': { files: listed } });
      hub.faults.x = [{ kind: 'drop', afterBytes: 1000 }];
      const made = client();
      const planned = await made.plan(parseHubReference('hf:datasets/org/rows')!, join(folder, 'to'), { include: ['**'] }); // prettier-ignore
      await made.download(planned);
      assert.deepEqual(names(), [...odd].sort());
      for (const name of odd) assert.deepEqual(at(name), listed[name].content, name);
    });

    it('a second download to the same place waits for nobody', async () => {
      await start({ 'org/name': model });
      hub.throttle = { bytes: 20_000, everyMs: 20 };
      const made = client();
      const planned = await plan('hf:org/name', made);
      const first = made.download(planned);
      await new Promise((done) => setTimeout(done, 60));
      await assert.rejects(made.download(planned), withCode('BUSY'));
      await first;
    });

    it('another version of the file is not appended to the old part', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = Array.from({ length: 9 }, () => ({ kind: 'drop', afterBytes: 9000 }) as const);
      await assert.rejects(download('hf:org/name'), withCode('NETWORK'));
      await hub.stop();
      const newer = bytes(size, 99);
      await start({ 'org/name': { files: { ...model.files, 'model.safetensors': { content: newer, lfs: true } } } });
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), newer);
      const [first] = hub.requests.filter(({ origin }) => origin === 'storage');
      assert.equal(first.headers.range, undefined);
    });

    it('a part whose bytes were damaged on the disk is found out and fetched anew', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = Array.from({ length: 9 }, () => ({ kind: 'drop', afterBytes: 9000 }) as const);
      await assert.rejects(download('hf:org/name'), withCode('NETWORK'));
      const part = at(partOf('model.safetensors'));
      part[5] ^= 1;
      writeFileSync(join(folder, 'to', partOf('model.safetensors')), part);
      hub.faults['model.safetensors'] = [];
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), weights.content);
    });
  });

  describe('a server that misbehaves', () => {
    const faulty = async (...faults: NonNullable<LoopbackHub['faults'][string]>): Promise<void> => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = faults;
      await download('hf:org/name');
      assert.deepEqual(at('model.safetensors'), weights.content);
    };

    it('ignores Range: from the beginning', () => faulty({ kind: 'drop', afterBytes: 5000 }, { kind: 'noRange' }));
    it('sends another range: from the beginning', () =>
      faulty({ kind: 'drop', afterBytes: 5000 }, { kind: 'wrongRange' }));
    it('wrong bytes: fetched again', () => faulty({ kind: 'corrupt' }, { kind: 'corrupt' }));
    it('too many bytes', () => faulty({ kind: 'longer' }));
    it('too few bytes, without saying so', () => faulty({ kind: 'shorter' }));
    it('silence after the headers, or before', () => faulty({ kind: 'silence' }));
    it('one byte now and then', () => faulty({ kind: 'drip', everyMs: 40 }));
    it('429 and 503 with Retry-After', () =>
      faulty({ kind: 'status', status: 429, retryAfter: '0' }, { kind: 'status', status: 503, retryAfter: '1' }));
    it('a signature that has run out: the hub is asked for a new one', () => faulty({ kind: 'status', status: 403 }));
    it('a login page in place of the file', () => faulty({ kind: 'page' }));

    it('wrong three times: INTEGRITY, and nothing stays', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = Array.from({ length: 3 }, () => ({ kind: 'corrupt' }) as const);
      await assert.rejects(download('hf:org/name'), withCode('INTEGRITY', /SHA-256/));
      assert.deepEqual(names().filter((name) => name.startsWith('model.safetensors')), []); // prettier-ignore
    });

    it('wrong three times in size', async () => {
      await start({ 'org/name': model });
      hub.faults['model.safetensors'] = Array.from({ length: 3 }, () => ({ kind: 'longer' }) as const);
      await assert.rejects(download('hf:org/name'), withCode('INTEGRITY'));
    });

    it('a wrong small file, which has only a Git hash', async () => {
      await start({ 'org/name': model });
      hub.faults['config.json'] = [{ kind: 'corrupt' }];
      await download('hf:org/name');
      assert.deepEqual(at('config.json'), model.files['config.json'].content);
      assert.equal(hub.requestsFor('resolve').filter(({ path }) => path.endsWith('config.json')).length, 2);
    });

    it('ModelScope without Sha256: by size and ETag; without an ETag a part is not trusted', async () => {
      const unhashed = onModelScope({
        files: { ...model.files, 'model.safetensors': { ...weights, listed: { sha256: null } } },
      });
      await start({ 'org/name': unhashed });
      hub.faults['model.safetensors'] = [{ kind: 'drop', afterBytes: 5000 }];
      await download('modelscope:org/name');
      const [, resumed] = hub.requestsFor('FilePath=model.safetensors');
      assert.match(resumed.headers.range!, /^bytes=/);
      assert.match(String(resumed.headers['if-range']), /^"/);
      rmSync(join(folder, 'to'), { recursive: true });
      hub.etags = false;
      hub.requests.length = 0;
      hub.faults['model.safetensors'] = [{ kind: 'drop', afterBytes: 5000 }];
      await download('modelscope:org/name');
      assert.equal(hub.requestsFor('FilePath=model.safetensors')[1].headers.range, undefined);
      assert.deepEqual(at('model.safetensors'), weights.content);
      hub.faults['model.safetensors'] = Array.from({ length: 9 }, () => ({ kind: 'shorter' }) as const);
      rmSync(join(folder, 'to'), { recursive: true });
      await assert.rejects(download('modelscope:org/name'), withCode('NETWORK'));
    });

    it('a listing that lies about the hash or the length', async () => {
      const lying = (listed: StoredFile['listed']): StoredRepository => ({
        files: { ...model.files, 'model.safetensors': { ...weights, listed } },
      });
      await start({ 'org/hash': lying({ sha256: 'a'.repeat(64) }), 'org/size': lying({ sizeBytes: 299_999 }) });
      await assert.rejects(download('hf:org/hash'), withCode('INTEGRITY'));
      await assert.rejects(download('hf:org/size'), withCode('INTEGRITY', /300000/));
    });

    it('redirects for ever, or to no web address', async () => {
      await start({ 'org/name': model });
      hub.redirectTo = `${hub.endpoint}/org/name/resolve/main/model.safetensors`;
      await assert.rejects(download('hf:org/name'), withCode('NETWORK', /again and again/));
      hub.redirectTo = 'file:///etc/passwd';
      await assert.rejects(download('hf:org/name'), withCode('NETWORK', /no web address/));
    });
  });

  describe('secrets', () => {
    const token = 'hf_secretTOKEN0123456789';

    it('the token goes to the hub, not to its storage, and into no log', async () => {
      await start({ 'org/gated': { ...model, token }, 'org/ms': onModelScope({ ...model, token }) });
      const made = client({ tokens: { huggingface: token, modelscope: token } });
      hub.faults['model.safetensors'] = [{ kind: 'drop', afterBytes: 10 }];
      await download('hf:org/gated', made);
      await download('modelscope:org/ms', made);
      for (const { origin, headers } of hub.requests) {
        if (origin === 'hub') assert.equal(headers.authorization, `Bearer ${token}`);
        else assert.ok(headers.authorization === undefined && headers.cookie === undefined);
      }
      assert.ok(lines.length > 5);
      assert.ok(!lines.join('\n').includes(token));
      assert.ok(!lines.join('\n').includes('secret-signature'));
    });

    it('without a token the gated one is refused by what to do', async () => {
      await start({ 'org/gated': { ...model, token }, 'org/ms': onModelScope({ ...model, token }) });
      await assert.rejects(download('hf:org/gated'), withCode('ACCESS', /HF_TOKEN/));
      await assert.rejects(download('modelscope:org/ms'), withCode('ACCESS', /MODELSCOPE_API_TOKEN/));
      await assert.rejects(download('hf:org/absent'), withCode('ACCESS', /no such public model/));
      const env = { HF_TOKEN: token };
      await download('hf:org/gated', client({}, env));
    });

    it('a token is one word', () => {
      assert.throws(() => hubSettings({ HF_TOKEN: 'a\nb' }), withCode('USAGE'));
      assert.throws(() => hubSettings({}, { endpoints: { huggingface: 'ftp://x' } }), withCode('USAGE'));
    });
  });

  describe("what the hubs' current clients are ready for", () => {
    const rows = { files: { 'train.csv': text('a,b\n1,2\n'), 'README.md': text('# rows') } };
    for (const envelope of ['codeAsText', 'withoutCode', 'smallLetters', 'dataIsTheList'] as const) {
      it(`ModelScope's envelope: ${envelope}`, async () => {
        await start({ 'org/name': onModelScope(model) }, { 'org/rows': rows });
        hub.envelope = envelope;
        await download('modelscope:org/name');
        assert.deepEqual(at('model.safetensors'), weights.content);
        const planned = await plan('modelscope:datasets/org/rows');
        assert.deepEqual(planned.files.map(({ path }) => path), ['README.md', 'train.csv']); // prettier-ignore
        if (envelope === 'withoutCode') return;
        await assert.rejects(plan('modelscope:models/org/none'), withCode('NOT_FOUND', /信息不存在/));
      });
    }

    it('a listing of 3,000 entries is one that was cut off: the rest is listed folder by folder', async () => {
      const files = onModelScope(model).files;
      const logs = Array.from({ length: 4000 }, (_, i) => [`logs/${i % 3}/${i}.txt`, text('')]);
      await start({ 'org/few': { files }, 'org/many': { files: { ...Object.fromEntries(logs), ...files } } });
      const few = await plan('modelscope:org/few');
      assert.equal(hub.requests.filter(({ path }) => path.includes('/repo/files')).length, 1, 'one is enough');
      const many = await plan('modelscope:org/many');
      assert.deepEqual(many.files.map(({ path }) => path), few.files.map(({ path }) => path)); // prettier-ignore
      const roots = hub.requests.flatMap(({ path }) => new URL(path, 'http://x').searchParams.get('Root') ?? []);
      assert.deepEqual([...new Set(roots)].sort(), ['empty', 'logs', 'logs/0', 'logs/1', 'logs/2']);
    });

    it('what even so cannot be listed is said, where a needed file is not in the list', async () => {
      const pad = Array.from({ length: 3001 }, (_, i) => [`${String(i).padStart(4, '0')}.txt`, text('')]);
      await start({ 'org/flat': { files: { ...Object.fromEntries(pad), ...onModelScope(model).files } } });
      await assert.rejects(plan('modelscope:models/org/flat'), withCode('NOT_FOUND', /more files than the hub lists/));
    });

    it('a refusal of a later page is the trouble of a server, that of the first one is meant', async () => {
      const files = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`part-${i}.csv`, text('a\n1\n')]));
      await start({}, { 'org/pages': { files } });
      // The data set itself, its first page, and then a refusal of the second.
      hub.apiFaults.push({ kind: 'ok' }, { kind: 'ok' }, { kind: 'status', status: 403 });
      assert.equal((await plan('modelscope:datasets/org/pages')).files.length, 250);
      hub.apiFaults.push({ kind: 'status', status: 403 });
      await assert.rejects(plan('modelscope:datasets/org/pages', client()), withCode('ACCESS'));
    });

    it('a size that is 0 or missing is asked of the server of the file', async () => {
      const content = bytes(5000, 3);
      const files = {
        'zero.csv': { content, listed: { sizeBytes: 0 } },
        'missing.csv': { content, listed: { sizeBytes: null, sha256: null } },
        'empty.csv': { content: Buffer.alloc(0), listed: { sha256: null } },
      };
      await start({}, { 'org/sizes': { files } });
      const planned = await download('modelscope:datasets/org/sizes');
      assert.equal(planned.totalBytes, 10_000);
      assert.deepEqual(at('zero.csv'), content);
      assert.deepEqual(at('missing.csv'), content);
      assert.equal(at('empty.csv').length, 0);
    });

    it('X-Linked-ETag is the hash of what the listing has none for', async () => {
      const content = bytes(2000, 5);
      const told = (linkedSha256: string) => ({ content, linkedSha256, listed: { sha256: null } });
      await start({}, { 'org/right': { files: { 'a.csv': told(sha256(content)) } }, 'org/wrong': { files: { 'a.csv': told(sha256(bytes(1, 1))) } } }); // prettier-ignore
      await download('modelscope:datasets/org/right');
      assert.deepEqual(at('a.csv'), content);
      rmSync(join(folder, 'to'), { recursive: true });
      await assert.rejects(download('modelscope:datasets/org/wrong'), withCode('INTEGRITY', /SHA-256/));
      assert.ok(!existsSync(join(folder, 'to', 'a.csv')));
    });

    it("Hugging Face's RateLimit says when to come back, before Retry-After", async () => {
      await start({ 'org/name': model });
      const limited = { kind: 'status', status: 429, rateLimit: '"api";r=0;t=0', retryAfter: '3600' } as const;
      hub.apiFaults.push(limited);
      const began = performance.now();
      await plan('hf:org/name');
      const waitedMs = performance.now() - began;
      assert.ok(waitedMs >= 1000 && waitedMs < 3000, `${waitedMs} ms`);
      hub.apiFaults.push({ ...limited, rateLimit: '"api";r=0;t=250' });
      await assert.rejects(plan('hf:org/name'), withCode('NETWORK', /wait 251 s/));
      assert.equal(rateLimitMs('"api";r=3;t=20'), undefined);
    });

    it('a table of splits is no data', async () => {
      const map = { default: { train: { meta: 'train.csv', file: '' }, validation: { meta: 'dev.csv' } }, small: { train: { meta: 'few.csv' } } }; // prettier-ignore
      const csv = text('a,b\n1,2\n');
      await start({}, { 'org/rows': { files: { 'rows.json': text(JSON.stringify(map)), 'train.csv': csv, 'dev.csv': csv, 'few.csv': csv } } }); // prettier-ignore
      const planned = await plan('modelscope:datasets/org/rows');
      assert.deepEqual(planned.files.map(({ path }) => path).sort(), ['dev.csv', 'few.csv', 'train.csv']); // prettier-ignore
      assert.deepEqual(planned.splits, {
        'default/train': 'train.csv',
        train: 'train.csv',
        'default/validation': 'dev.csv',
        validation: 'dev.csv',
        'small/train': 'few.csv',
      });
      assert.equal(parseSplitMap('[{"text": "a"}]', new Set()), undefined);
      assert.equal(parseSplitMap('{"text": "a", "label": "b"}', new Set()), undefined);
    });
  });

  describe('proxies', () => {
    it('by environment and by setting, with a login, and not for exceptions', async () => {
      await start({ 'org/name': model });
      const proxy = await startProxy('me:pass word');
      try {
        const address = proxy.address.replace('//', '//me:pass%20word@');
        await download('hf:org/name', client({}, { HTTP_PROXY: address }));
        assert.ok(proxy.targets.length > 0);
        proxy.targets.length = 0;
        await download('hf:org/name', client({ proxy: address }));
        assert.ok(proxy.targets.length > 0);
        proxy.targets.length = 0;
        await download('hf:org/name', client({}, { http_proxy: address, NO_PROXY: 'x, 127.0.0.1' }));
        await download('hf:org/name', client({ proxy: address, noProxy: ['127.0.0.1'] }));
        await download('hf:org/name', client({ proxy: 'off' }, { HTTP_PROXY: address }));
        assert.deepEqual(proxy.targets, []);
        await assert.rejects(download('hf:org/name', client({ proxy: proxy.address })), (error: MedTextError) => {
          assert.ok(['NETWORK', 'OFFLINE'].includes(error.code), error.code);
          return true;
        });
      } finally {
        await proxy.stop();
      }
    });

    it('a proxy that is not there', async () => {
      await start({ 'org/name': model });
      const startedMs = performance.now();
      await assert.rejects(plan('hf:org/name', client({ proxy: 'http://127.0.0.1:9' })), withCode('OFFLINE'));
      assert.ok(performance.now() - startedMs < 2000);
    });
  });

  it('never hangs on a connection that is accepted and says nothing', async () => {
    const mute: Server = createServer(() => undefined);
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
    await start({});
    const endpoint = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    await assert.rejects(
      plan('hf:org/name', client({ endpoints: { huggingface: endpoint } })),
      withCode('NETWORK', /4 tries/),
    );
    mute.closeAllConnections();
    mute.close();
  });
});
