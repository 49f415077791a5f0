/** `medtext` and files made to harm: every end is an exit code and a coded error, soon. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonLines, medtext, medtextFails, start } from './support/commandLine';

const fixture = join(__dirname, '../fixtures/checkpoints/masked-lm');
/** As a person calls it: with the second process, and a twentieth of the budgets. */
const watched = { MEDTEXT_NO_RESPAWN: '', MEDTEXT_READ_BUDGET: '0.05' };

describe("strangers' files on the command line", () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-strangers-'));
    // A tokenizer that splits by an expression which takes twice as long for every letter.
    cpSync(fixture, at('endless'), { recursive: true });
    const vocab = Object.fromEntries(
      ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a'].map((token, id) => [token, id]),
    );
    writeFileSync(
      at('endless/tokenizer.json'),
      JSON.stringify({
        version: '1.0',
        added_tokens: Object.keys(vocab).slice(0, 5).map((content, id) => ({ id, content, special: true })), // prettier-ignore
        normalizer: null,
        pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false },
        model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab }, // prettier-ignore
      }),
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const endless = (): string[] => ['embed', at('endless'), `${'a'.repeat(60)}!`, '--json'];

  it('an expression that is matched for hours: BUDGET, with the file and its budget', async () => {
    const { code, stdout, stderr } = await medtext(endless(), { env: watched });
    assert.equal(code, 1, stderr);
    const { error } = jsonLines(stdout).pop();
    assert.equal(error.code, 'BUDGET');
    assert.deepEqual(error.detail, { file: at('endless'), what: 'time', seconds: 1, megabytes: 75 });
    assert.ok(stderr.includes(`error: BUDGET: ${error.message}`), stderr);
  });

  it('SIGTERM ends a command that hears nothing, with 130', async function () {
    if (process.platform === 'win32') this.skip();
    const run = start(endless(), { env: { MEDTEXT_NO_RESPAWN: '' } });
    await new Promise((heard) => setTimeout(heard, 2000)); // By then it matches; were it not, it would end all the same.
    const asked = performance.now();
    run.process.kill('SIGTERM');
    const { code } = await run.ended;
    assert.equal(code, 130);
    assert.ok(performance.now() - asked < 15_000);
  });

  it('pipes and devices in the place of files are refused, not waited for', async function () {
    if (process.platform === 'win32') this.skip();
    execFileSync('mkfifo', [at('pipe')]);
    cpSync(fixture, at('piped'), { recursive: true });
    for (const name of ['config.json', 'vocab.txt', 'pytorch_model.bin']) {
      if (!existsSync(join(fixture, name))) continue;
      rmSync(at(`piped/${name}`));
      execFileSync('mkfifo', [at(`piped/${name}`)]);
      await medtextFails(['import', at('piped'), '--output', at('out')], 1, 'IO');
      rmSync(at(`piped/${name}`));
      cpSync(join(fixture, name), at(`piped/${name}`));
    }
    await medtextFails(['data', at('pipe')], 1, 'DATA_FORMAT');
    await medtextFails(['data', '/dev/zero'], 1, 'DATA_FORMAT');
    await medtextFails(['finetune', at('pipe')], 1, 'IO');
    await medtextFails(['finetune', '/dev/zero'], 1, 'IO');
    const model = join(__dirname, '../../samples/structbert-tiny');
    const recipe = { task: 'sentence-similarity', model, dataset: { train: { file: 'a.csv' } } };
    for (const [field, value] of [
      ['labels_file', at('pipe')],
      ['corrections', at('pipe')],
      ['file', at('pipe')],
    ]) {
      // prettier-ignore
      const train = { file: 'a.csv', [field]: value };
      writeFileSync(at('a.csv'), 'query1,query2,label\na,b,0\nc,d,1\n');
      writeFileSync(at('r.medtext.json'), JSON.stringify({ ...recipe, dataset: { train } }));
      const { code, stderr } = await medtext(['finetune', at('r.medtext.json')], { env: { MEDTEXT_NO_RESPAWN: '1' } });
      assert.equal(code, 1);
      assert.match(stderr, /error: (IO|DATA_FORMAT|RECIPE|LABELS): /);
    }
  });

  it('a NUL in a path is a path that is not there', async () => {
    const recipe = { task: 'sentence-similarity', model: 'a\0b', dataset: { train: { file: 'x\0y' } } };
    writeFileSync(at('nul.medtext.json'), JSON.stringify(recipe));
    const { code, stdout } = await medtext(['finetune', at('nul.medtext.json'), '--json']);
    assert.equal(code, 1);
    assert.equal(jsonLines(stdout).pop().error.code, 'NOT_FOUND');
  });

  it('stdout on a full disk is DISK_FULL', function () {
    if (!existsSync('/dev/full')) this.skip();
    const cli = join(__dirname, '../../dist/cli.js');
    for (const json of [[], ['--json']]) {
      const args = [cli, 'data', join(__dirname, '../fixtures/data/comma.csv'), ...json];
      const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, ...args], { encoding: 'utf8' }); // prettier-ignore
      assert.equal(status, 1, stderr);
      assert.match(stderr, /error: DISK_FULL: /);
    }
  });

  it('names of files move no terminal', async () => {
    cpSync(fixture, at('ansi'), { recursive: true });
    const config = JSON.parse(readFileSync(at('ansi/config.json'), 'utf8')) as object;
    writeFileSync(at('ansi/config.json'), JSON.stringify({ ...config, model_type: '\x1b[2J\x1b]0;x\x07\x9b' }));
    const { stdout, stderr } = await medtext(['import', at('ansi'), '--output', at('out'), '--json']);
    assert.doesNotMatch(stdout + stderr, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    const { message } = jsonLines(stdout).pop().error as { message: string };
    assert.ok(message.includes('\x1b[2J'), JSON.stringify(message));
  });
});
