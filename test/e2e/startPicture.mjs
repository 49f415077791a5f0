// node test/e2e/startPicture.mjs: a picture of what `npm start` prints after the build, in media/readme/start.png. It is run in a terminal of its own
// (`script` of util-linux), in a copy of the clone, and drawn by the browser. Needs dist/.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openBrowser } from './editor.mjs';
import { setup } from './setup.mjs';

const COLUMNS = 116;
process.chdir(resolve(import.meta.dirname, '../..'));
await setup();
// The folder's name is in the picture.
const clone = join(tmpdir(), 'medtext-lab');
mkdirSync(clone);
try {
  for (const name of ['dist', 'samples', 'starter']) cpSync(name, join(clone, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(clone, 'node_modules'));
  const record = join(clone, 'typescript');
  const command = `stty cols ${COLUMNS}; node samples/start.mjs`;
  const env = { ...process.env, MEDTEXT_MODELS: join(clone, 'models') };
  execFileSync('script', ['--quiet', '--return', '--command', command, record], { cwd: clone, env, stdio: 'ignore' });
  await draw(terminalLines(readFileSync(record, 'utf8')), 'media/readme/start.png');
} finally {
  rmSync(clone, { recursive: true, force: true });
}

/** The terminal's final content as HTML, with colours and with overwritten lines applied. */
function terminalLines(record) {
  const printed = record.replace(/^Script started[^\n]*\n/, '').replace(/\n*Script done[^\n]*\n?$/, '');
  return printed.split(/\r*\n/).map((line) => {
    const last = line.split('\r').findLast((part) => part.replace(/\x1b\[[\d;?]*[A-Za-z]/g, '') !== '') ?? '';
    const text = last.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    let open = false;
    const coloured = text.replace(/\x1b\[([\d;?]*)([A-Za-z])/g, (_, codes, kind) => {
      if (kind !== 'm') return '';
      const end = open ? '</span>' : '';
      open = !/^(0|39|22|)$/.test(codes);
      return open ? `${end}<span class="c${codes.replaceAll(';', ' c')}">` : end;
    });
    return `${coloured}${open ? '</span>' : ''}`;
  });
}

async function draw(lines, path) {
  const { browser, page } = await openBrowser({ width: 1200, height: 800 });
  try {
    // A Chinese character takes two columns, as on a terminal.
    await page.setContent(`<style>
      body { margin: 0; background: #1e1e1e }
      pre { display: inline-block; margin: 0; padding: 16px 20px; color: #d4d4d4; font: 14px/19px 'Noto Sans Mono CJK SC', monospace }
      .c1 { font-weight: bold } .c2, .c90 { color: #8a8a8a } .c31 { color: #f14c4c } .c32 { color: #23d18b } .c33 { color: #e5e510 }
      .c34 { color: #3b8eea } .c36 { color: #29b8db }
    </style><pre>${lines.join('\n').trim()}</pre>`);
    await page.locator('pre').screenshot({ path });
  } finally {
    await browser.close();
  }
}
