import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readCorpus } from '../../scripts/starter/corpus';

/** Files of ChineseBLUE's shape, with made-up texts. */
function writeCorpus(data: string): void {
  const pairs = (stem: string, rows: number) => Array.from({ length: rows }, (_, i) => `${i % 2}\t${stem}甲${i}\t${stem}乙${i}`).join('\n'); // prettier-ignore
  const files: Record<string, string> = {
    'cMedQQ/train.txt': `${pairs('训练', 17)}\n1\t测试甲0\t只在训练\n`,
    'cMedQQ/dev.txt': pairs('开发', 3),
    'cMedQQ/test.txt': pairs('测试', 3),
    'cMedIC/train.txt': '1\t意图\n0\t开发乙1\n0\t训练甲8\n',
    'cMedTC/train.txt': 'Age\t 年龄\n',
    'cMedTC/test.txt': 'Age\t年龄测试\n',
    'cEHRNER/train.json': '{"text":"病历","mention_data":[{"mention":"病"}]}\n',
    'cMedQANER/train.json': '{"text":"问答","mention_data":[]}\n',
    'cMedIR/dev.json': '{"query":"检索","documents":[{"title":"标题","url":"网址"}]}\n',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(data, name)), { recursive: true });
    writeFileSync(join(data, name), content);
  }
}

describe('what the starter encoder is counted in', () => {
  let data: string;
  before(() => writeCorpus((data = mkdtempSync(join(tmpdir(), 'medtext-corpus-')))));
  after(() => rmSync(data, { recursive: true, force: true }));

  it('reads training files only, and holds every eighth pair of cMedQQ out', () => {
    const { counted, files, heldOut } = readCorpus(data, 'samples');
    assert.deepEqual(heldOut.map(({ first }) => first), ['训练甲0', '训练甲8', '训练甲16']); // prettier-ignore
    assert.ok(
      files.every(({ file }) => /(^|\/)train\.\w+$/.test(file)),
      JSON.stringify(files),
    );
    for (const text of ['训练甲1', '训练乙1', '意图', ' 年龄', '病历', '问答', '只在训练']) assert.ok(counted.includes(text), text); // prettier-ignore
  });

  it('counts no text of a dev or test file, or of a held-out pair, wherever else it stands', () => {
    const counted = new Set(readCorpus(data, 'samples').counted);
    const kept = ['测试甲0', '开发乙1', '开发甲0', '测试乙2', '年龄测试', '检索', '标题', '训练甲8', '训练乙0'];
    assert.deepEqual(kept.filter((text) => counted.has(text)), []); // prettier-ignore
  });
});
