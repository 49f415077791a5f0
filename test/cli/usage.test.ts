import assert from 'node:assert/strict';
import { commands } from '../../src/cli/runCommandLine';
import { medtext, medtextFails } from './support/commandLine';

describe('medtext: usage', () => {
  it('prints help for all and for each command, on stdout', async () => {
    const all = await medtext(['--help']);
    assert.equal(all.code, 0);
    assert.equal(all.stderr, '');
    for (const { name } of commands) assert.match(all.stdout, new RegExp(`^  ${name} `, 'm'));
    const one = await medtext(['finetune', '--help']);
    assert.equal(one.code, 0);
    for (const option of Object.keys(commands.find(({ name }) => name === 'finetune')!.options)) {
      assert.ok(one.stdout.includes(`--${option}`), option);
    }
    assert.equal((await medtext(['help', 'finetune'])).stdout, one.stdout);
    assert.equal((await medtext(['finetune', '--json', '--help'])).stdout, one.stdout);
    assert.equal((await medtext(['--help', '--json'])).stdout, all.stdout);
  });

  it('every command describes itself', () => {
    for (const { name, usage, summary, examples, options } of commands) {
      for (const line of usage) assert.ok(line.startsWith(name), line);
      assert.ok(summary.endsWith('.') && examples.length > 0, name);
      for (const { kind, value } of Object.values(options)) assert.equal(value !== undefined, kind !== 'flag', name);
    }
  });

  it('without a command: help on stderr, 2', async () => {
    const { code, stdout, stderr } = await medtext([]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /Commands/);
  });

  it('names the command or option that was meant', async () => {
    assert.match(await medtextFails(['finetun'], 2, 'USAGE'), /Did you mean finetune\?/);
    assert.match(await medtextFails(['score', '--devise', 'cpu'], 2, 'USAGE'), /Did you mean --device\?/);
    assert.match(await medtextFails(['predict', 'm', '--data'], 2, 'USAGE'), /--data needs a value/);
    assert.match(await medtextFails(['doctor', '--device', 'gpu'], 2, 'USAGE'), /The devices are auto, cpu/);
    assert.match(await medtextFails(['score', 'm', 'a', 'b', '--threads', 'two'], 2, 'USAGE'), /whole number from 1/);
    assert.match(await medtextFails(['data', 'a', 'b'], 2, 'USAGE'), /"b" is one argument too many/);
  });

  it('says what is missing, with the usage', async () => {
    for (const args of [['score'], ['evaluate', 'm'], ['predict', 'm', '--data', 'f'], ['import', 'x'], ['finetune']]) {
      assert.match(await medtextFails(args, 2, 'USAGE'), /(missing|Give)[^]*usage: medtext/);
    }
  });

  it('takes an empty argument, as of an unset variable, for a missing one', async () => {
    for (const [args, told] of [
      [['evaluate', '', '--data', 'a'], /The model folder is missing/],
      [['score', '', 'a', 'b'], /The model folder is missing/],
      [['data', ' '], /The data file is missing/],
      [['import', '', '--output', 'a'], /The source is missing/],
      [['import', '--search', ''], /--search needs words/],
      [['embed', 'm', 'a', ''], /A text is empty/],
    ] as const) {
      assert.match(await medtextFails(args, 2, 'USAGE'), told);
    }
  });

  it('refuses options that would do nothing', async () => {
    for (const [args, told] of [
      [['extend', 'm', '--texts', 'a', '--output', 'b'], /--output needs --add/],
      [['extend', 'm', '--add', 'a', '--output', 'b', '--top', '5'], /--top lists words/],
      [['gpu-runtime', 'remove', '--plan'], /--plan cannot be used with remove/],
      [['gpu-runtime', 'use', 'a', '--index', 'https://example.org/simple'], /--index cannot be used with use/],
      [['import', '--list', '--search', 'bert'], /--search cannot be used with --list/],
      [['import', '--search', 'bert', '--output', 'a'], /--output cannot be used with --search/],
      [['import', './a', '--include', '*.json', '--output', 'b'], /--include is for a hub; ".\/a" is a path/],
    ] as const) {
      assert.match(await medtextFails(args, 2, 'USAGE'), told);
    }
  });
});
