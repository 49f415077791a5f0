import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitOf, LoopbackHub, type StoredFile } from '../hub/support/loopbackHub';
import { jsonLines, medtext, start } from './support/commandLine';

const fixture = join(__dirname, '../fixtures/checkpoints/structbert');
const rows = Buffer.from('query1,query2,label\n肺炎,感冒,0\n');

describe('medtext import: from the hubs', () => {
  let home: string;
  let hub: LoopbackHub;
  const files: Record<string, StoredFile> = {};
  for (const name of readdirSync(fixture)) files[name] = { content: readFileSync(join(fixture, name)) };
  files['README.md'] = { content: Buffer.from('---\nlicense: Apache License 2.0\n---\n# tiny\n') };
  const weights = files['pytorch_model.bin'].content;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-import-'));
    const secret = { files, token: 'token-of-nobody' };
    hub = await LoopbackHub.start(
      { 'damo/tiny': { files }, 'org/tiny': { files }, 'org/secret': secret },
      { 'chuanqi/rows': { files: { 'train.csv': { content: rows }, 'README.md': { content: Buffer.from('#') } } } },
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
    MEDTEXT_CACHE: join(home, 'cache'),
    MODELSCOPE_CACHE: '',
    HF_HOME: '',
    HF_HUB_CACHE: '',
    HUGGINGFACE_HUB_CACHE: '',
    HF_HUB_OFFLINE: '',
    HF_TOKEN: '',
    HUGGING_FACE_HUB_TOKEN: '',
    MODELSCOPE_API_TOKEN: '',
    MODELSCOPE_DOMAIN: '',
    MODELSCOPE_ENDPOINT: hub.endpoint,
    HF_ENDPOINT: hub.endpoint,
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  });
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    medtext(['import', ...args, '--json'], { cwd: home, env: { ...env(), ...more } });
  const succeeds = async (args: readonly string[], more?: Readonly<Record<string, string>>) => {
    const { code, stdout, stderr } = await run(args, more);
    assert.equal(code, 0, stdout + stderr);
    return { result: jsonLines(stdout).at(-1), stderr };
  };
  const fails = async (args: readonly string[], exitCode: number, more?: Readonly<Record<string, string>>) => {
    const { code, stdout, stderr } = await run(args, more);
    assert.equal(code, exitCode, stdout + stderr);
    return { error: jsonLines(stdout).at(-1).error, said: stdout + stderr };
  };
  const parts = (folder = join(home, 'cache')): string[] =>
    (existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [])
      .filter((name) => name.endsWith('.part'))
      .map((name) => join(folder, name));

  it('searches both hubs, says who is asked, and goes on where one is not there', async () => {
    const { result, stderr } = await succeeds(['--search', 'tiny']);
    assert.deepEqual(result.found.map(({ source }: { source: string }) => source), ['modelscope:damo/tiny', 'modelscope:org/tiny', 'hf:damo/tiny', 'hf:org/tiny']); // prettier-ignore
    assert.match(stderr, /Asking 127\.0\.0\.1:\d+ for "tiny"/);
    const one = await succeeds(['--search', 'rows', '--dataset'], { HF_ENDPOINT: 'http://127.0.0.1:1' });
    assert.deepEqual(one.result.found.map(({ source }: { source: string }) => source), ['modelscope:datasets/chuanqi/rows']); // prettier-ignore
    assert.match(one.stderr, /Hugging Face: .*cannot be reached/);
    const asked = hub.requests.length;
    const { error } = await fails(['--search', 'tiny'], 1, { HF_HUB_OFFLINE: '1' });
    assert.deepEqual([error.code, hub.requests.length], ['OFFLINE', asked]);
  });

  it('lists encoders that are known to fit, and says of what is not known that it is not', async () => {
    const { result } = await succeeds(['--list']);
    const byName = Object.fromEntries(result.known.map((one: { source: string }) => [one.source, one]));
    assert.equal(byName['hf:hfl/chinese-macbert-base'].license.value, 'Apache-2.0');
    assert.match(byName['hf:hfl/chinese-macbert-base'].license.from, /^https:/);
    assert.equal(byName['modelscope:damo/nlp_medical_structbert_backbone_base'].license, null);
    const { stdout } = await medtext(['import', '--list'], { cwd: home, env: env() });
    assert.match(stdout, /nlp_medical_structbert_backbone_base +Chinese, medical text +size unknown +licence unknown/);
  });

  it('a model of each hub: its size first, then a folder named after it, with where it is from', async () => {
    const { result, stderr } = await succeeds(['modelscope:damo/tiny']);
    assert.match(stderr, /modelscope:damo\/tiny.*: 5 files, 2\d\.\d KB/);
    assert.equal(result.model, join(home, 'tiny'));
    assert.equal(result.source, 'modelscope:damo/tiny');
    assert.equal(result.license, 'Apache License 2.0');
    const again = await succeeds(['https://huggingface.co/org/tiny/tree/main', '--output', 'other']);
    assert.equal(again.result.contentHash, result.contentHash);
    assert.equal(again.result.commit, commitOf('org/tiny'));
    const local = await succeeds([fixture, '--output', 'local']);
    assert.equal(local.result.contentHash, result.contentHash);
  });

  it('--plan downloads nothing', async () => {
    const { result } = await succeeds(['hf:org/tiny', '--plan']);
    assert.equal(result.files.length, 5);
    assert.equal(result.totalBytes, Object.values(files).reduce((sum, { content }) => sum + content.length, 0)); // prettier-ignore
    assert.ok(
      hub.requests.every(({ path }) => path.startsWith('/api/')),
      'no file was asked for',
    );
    assert.deepEqual(readdirSync(home), []);
  });

  it('data sets keep their files; a name that only the hub knows to be a data set, too', async () => {
    for (const args of [
      ['modelscope:chuanqi/rows'],
      ['hf:datasets/chuanqi/rows'],
      ['modelscope:chuanqi/rows', '--dataset'],
    ]) {
      // prettier-ignore
      const { result } = await succeeds([...args, '--output', 'rows']);
      assert.equal(result.dataset, join(home, 'rows'));
      assert.deepEqual(readFileSync(join(home, 'rows', 'train.csv')), rows);
      // Again: what is there stays. A file of the person is not replaced.
      await succeeds([...args, '--output', 'rows']);
      for (const mine of ['query1,query2,label\n肺炎,感冒,1\n', '我的']) {
        writeFileSync(join(home, 'rows', 'train.csv'), mine);
        const { error } = await fails([...args, '--output', 'rows'], 1);
        assert.match(error.message, /rows already holds other files \(train\.csv\)/);
        assert.equal(readFileSync(join(home, 'rows', 'train.csv'), 'utf8'), mine);
      }
      rmSync(join(home, 'rows'), { recursive: true });
    }
    assert.equal((await fails(['.', '--dataset', '--output', 'x'], 2)).error.code, 'USAGE');
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`${signal} in mid-download keeps what came; the same command goes on from there`, async () => {
      // The rest never comes, so that the interruption cannot be too late.
      hub.faults['pytorch_model.bin'] = [{ kind: 'drop', afterBytes: 12_000 }, { kind: 'silence' }];
      const running = start(['import', 'modelscope:damo/tiny', '--json'], { cwd: home, env: env() });
      while (
        !parts().some((part) => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 0) ||
        hub.faults['pytorch_model.bin'].length > 0
      ) {
        assert.equal(running.process.exitCode, null, 'ended early');
        await new Promise((done) => setTimeout(done, 20));
      }
      running.process.kill(signal);
      const { code, stdout } = await running.ended;
      if (signal === 'SIGINT') {
        assert.equal(code, 130);
        assert.equal(jsonLines(stdout).at(-1).error.code, 'CANCELLED');
      }
      assert.ok(!existsSync(join(home, 'tiny')), 'no half model');
      const [part] = parts();
      const kept = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
      assert.ok(kept > 0 && kept < weights.length);
      hub.faults['pytorch_model.bin'] = [];
      const before = hub.requests.length;
      const { result, stderr } = await succeeds(['modelscope:damo/tiny']);
      assert.match(stderr, /already downloaded/);
      const [request] = hub.requests.slice(before).filter(({ path }) => decodeURIComponent(path).includes('pytorch_model.bin')); // prettier-ignore
      assert.equal(request.headers.range, `bytes=${kept}-`);
      assert.ok(existsSync(join(result.model, 'model.safetensors')));
      assert.deepEqual(parts(), []);
    });
  }

  it("what the hubs' own clients have downloaded is listed, and taken without asking", async () => {
    const commit = commitOf('org/tiny');
    const cache = join(home, '.cache', 'huggingface', 'hub', 'models--org--tiny');
    const snapshot = join(cache, 'snapshots', commit);
    for (const folder of [snapshot, join(cache, 'blobs'), join(cache, 'refs')]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(cache, 'refs', 'main'), commit);
    Object.entries(files).forEach(([name, { content }], index) => {
      writeFileSync(join(cache, 'blobs', String(index)), content);
      symlinkSync(join('..', '..', 'blobs', String(index)), join(snapshot, name));
    });
    const { result: list } = await succeeds(['--list']);
    assert.deepEqual(list.cached.map(({ reference }: { reference: string }) => reference), [`hf:org/tiny@${commit}`]); // prettier-ignore
    const { result, stderr } = await succeeds(['hf:org/tiny'], { HF_HUB_OFFLINE: '1' });
    assert.match(stderr, /is on this machine/);
    assert.equal(result.source, 'hf:org/tiny');
    assert.deepEqual(hub.requests, []);
    assert.equal(readFileSync(join(snapshot, 'vocab.txt'), 'utf8'), files['vocab.txt'].content.toString());
    await succeeds(['hf:org/tiny', '--no-cache', '--output', 'asked']);
    assert.ok(hub.requests.length > 0);

    const tables = join(home, '.cache', 'huggingface', 'hub', 'datasets--org--rows');
    for (const folder of ['refs', `snapshots/${commit}/data`]) mkdirSync(join(tables, folder), { recursive: true });
    writeFileSync(join(tables, 'refs', 'main'), commit);
    writeFileSync(join(tables, 'snapshots', commit, 'data', 'train.csv'), rows);
    for (let time = 0; time < 2; time++) await succeeds(['hf:datasets/org/rows', '--output', 'mine']);
    writeFileSync(join(home, 'mine', 'data', 'train.csv'), '我的');
    assert.match((await fails(['hf:datasets/org/rows', '--output', 'mine'], 1)).error.message, /other files \(data.train\.csv\)/); // prettier-ignore
    assert.equal(readFileSync(join(home, 'mine', 'data', 'train.csv'), 'utf8'), '我的');
  });

  it('says at once what cannot be', async () => {
    assert.equal((await fails(['hf:org/tiny'], 1, { HF_HUB_OFFLINE: '1' })).error.code, 'OFFLINE');
    assert.equal((await fails(['modelscope:damo/none'], 1)).error.code, 'NOT_FOUND');
    assert.equal((await fails(['hf:'], 2)).error.code, 'USAGE');
    assert.equal((await fails([fixture], 2)).error.code, 'USAGE');
    const { error, said } = await fails(['hf:org/secret'], 1, { HF_TOKEN: 'token-of-mine' });
    assert.equal(error.code, 'ACCESS');
    assert.ok(!said.includes('token-of-mine'));
    // What another program was given is offered with its place, and used only for who says so.
    mkdirSync(join(home, '.cache', 'huggingface'), { recursive: true });
    writeFileSync(join(home, '.cache', 'huggingface', 'token'), 'token-of-nobody\n');
    const offered = await fails(['hf:org/secret'], 1);
    assert.equal(offered.error.code, 'ACCESS');
    assert.match(offered.said, /"hf auth login" saved an access token in .*huggingface\/token\. --login uses it\./);
    assert.ok(!hub.requests.some(({ headers }) => headers.authorization === 'Bearer token-of-nobody'));
    await succeeds(['hf:org/secret', '--login', '--output', 'by-login']);
    const { result } = await succeeds(['hf:org/secret'], { HF_TOKEN: 'token-of-nobody' });
    assert.equal(result.source, 'hf:org/secret');
    assert.ok(!readFileSync(join(result.model, 'medtext-model.json'), 'utf8').includes('token-of'));
    const refused = await fails(['modelscope:damo/tiny'], 1, { MODELSCOPE_ENDPOINT: 'http://127.0.0.1:1' });
    assert.equal(refused.error.code, 'OFFLINE');
  });
});
