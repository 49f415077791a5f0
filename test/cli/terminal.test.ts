import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { Bold, countProgress, Screen } from '../../src/cli/screen';
import { bar, bytes, clip, displayWidth, duration, oneLine, table } from '../../src/cli/terminal';

describe('terminal text', () => {
  it('counts the columns that a terminal shows', () => {
    for (const [text, width] of [
      ['abc', 3],
      ['肺炎', 4],
      ['，。', 4],
      ['ﬁé', 2],
      ['e\u0301', 1],
      ['🩺', 2],
      ['𠮷', 2],
      ['█▏…', 3],
      ['\u200b\ufe0f', 0],
    ] as const) {
      assert.equal(displayWidth(text), width, text);
    }
  });

  it('clips between characters, and aligns Chinese', () => {
    assert.equal(clip('肺炎怎么治疗', 7), '肺炎怎…');
    assert.equal(clip('肺炎怎么治疗', 6), '肺炎…');
    assert.equal(clip('肺炎', 4), '肺炎');
    assert.deepEqual(table([['肺炎', '1'], ['a', '23']], [1], ''), ['肺炎   1', 'a     23']); // prettier-ignore
  });

  it('lets no text of a file steer the terminal', () => {
    assert.equal(oneLine('a\x1b[2J\nb\u202ec\r'), 'a [2J bc ');
  });

  it('bars and units', () => {
    assert.deepEqual(
      [bar(0, 4), bar(0.5, 4), bar(1, 4), bar(2, 4), bar(1 / 32, 4)],
      ['    ', '██  ', '████', '████', '▏   '],
    );
    assert.deepEqual([0, 999, 1000, 409_500_000, 4.5e9].map(bytes), ['0 B', '999 B', '1.0 KB', '410 MB', '4.5 GB']);
    assert.deepEqual([0.85, 3.14, 59.4, 125, 3599.6, 7620].map(duration), [
      '850 ms',
      '3.1 s',
      '59 s',
      '2 min 05 s',
      '1 h 00 min',
      '2 h 07 min',
    ]);
  });

  it('the bar fits the terminal, goes before a line is printed, and has no colour when NO_COLOR is set', () => {
    const written: string[] = [];
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 50 });
    terminal.on('data', (data) => written.push(String(data)));
    const screen = new Screen({ json: false, stdout: terminal, stderr: terminal, env: { NO_COLOR: '1' } });
    screen.progress(0.5, '肺炎 '.repeat(20));
    assert.ok(written[0].startsWith('\r\x1b[2K'));
    assert.ok(displayWidth(written[0].slice(5)) <= 49, written[0]);
    assert.ok(!written[0].slice(5).includes('\x1b'));
    screen.print('done');
    assert.deepEqual(written.slice(1), ['\r\x1b[2K', 'done\n']);
  });

  it('lets through no order to the terminal but its own, whatever a file calls its things', () => {
    const name = '\x1b]0;pwned\x07\x9b2J\u202ebert\x7f';
    for (const json of [false, true]) {
      const written: string[] = [];
      const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 200 });
      terminal.on('data', (data) => written.push(String(data)));
      const screen = new Screen({ json, stdout: terminal, stderr: terminal, env: {} });
      screen.print(name, ['x', new Bold(name)]);
      screen.printJson({ name });
      screen.note(`error: ${name}`);
      screen.progress(0.5, name);
      screen.clearBar();
      const own = /\x1b\[(1|22|36|39)m|\r\x1b\[2K|\r/g;
      assert.doesNotMatch(written.join('').replace(own, ''), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
      if (json) assert.equal(JSON.parse(written[0]).name, name);
      else assert.equal(written[0], '\\x1b]0;pwned\\x07\\x9b2Jbert\\x7f\n');
    }
    const long: string[] = [];
    const log = new PassThrough().on('data', (data) => long.push(String(data)));
    new Screen({ json: false, stdout: log, stderr: log, env: {} }).note('x'.repeat(10_000_000));
    assert.ok(long.join('').length < 50_000);
  });

  it('without a terminal there is no bar', () => {
    const written: string[] = [];
    const log = new PassThrough();
    log.on('data', (data) => written.push(String(data)));
    const screen = new Screen({ json: true, stdout: log, stderr: log, env: {} });
    countProgress(screen, 'rows')(1, 2);
    screen.print('for people');
    assert.deepEqual(written, []);
  });
});
