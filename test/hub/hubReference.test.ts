import assert from 'node:assert/strict';
import { endpointOf, formatHubReference, parseHubReference } from '../../src/hub/hubReference';
import type { MedTextError } from '../../src/base/errors';

const parsed = (text: string, endpoints = {}): string | undefined => {
  const found = parseHubReference(text, endpoints);
  return (
    found &&
    [
      found.hub,
      ...(found.site ? ['at', found.site] : []),
      found.kind ?? '?',
      found.repository,
      found.revision ?? '-',
      found.folder ?? '-',
    ].join(' ')
  );
};

describe('hub references', () => {
  const rows: [string, string | undefined][] = [
    [
      'modelscope:damo/nlp_medical_structbert_backbone_base',
      'modelscope ? damo/nlp_medical_structbert_backbone_base - -',
    ],
    [' modelscope:iic/a.b@v1.0 ', 'modelscope ? iic/a.b v1.0 -'],
    ['ModelScope:a/b', 'modelscope ? a/b - -'],
    ['modelscope:datasets/chuanqi/CBLUE-KUAKE-QQR', 'modelscope dataset chuanqi/CBLUE-KUAKE-QQR - -'],
    ['modelscope:models/a/b', 'modelscope model a/b - -'],
    ['hf:hfl/chinese-macbert-base@refs/pr/3', 'huggingface ? hfl/chinese-macbert-base refs/pr/3 -'],
    ['huggingface:bert-base-chinese', 'huggingface ? bert-base-chinese - -'],
    ['hf:datasets/org/name@abc', 'huggingface dataset org/name abc -'],
    ['https://www.modelscope.cn/models/damo/nlp_x', 'modelscope model damo/nlp_x - -'],
    ['https://modelscope.cn/models/iic/nlp_x/summary', 'modelscope model iic/nlp_x - -'],
    ['https://modelscope.cn/models/iic/nlp_x/files', 'modelscope model iic/nlp_x - -'],
    [
      'https://modelscope.cn/models/iic/nlp_x/file/view/master/vocab.txt?status=1',
      'modelscope model iic/nlp_x master -',
    ],
    ['https://www.modelscope.cn/datasets/chuanqi/CBLUE-KUAKE-QQR/dataPeview', 'modelscope dataset chuanqi/CBLUE-KUAKE-QQR - -'], // prettier-ignore
    ['https://modelscope.ai/models/a/b', 'modelscope at modelscope.ai model a/b - -'],
    ['https://www.modelscope.ai/datasets/a/b', 'modelscope at modelscope.ai dataset a/b - -'],
    ['modelscope.ai:a/b@v1', 'modelscope at modelscope.ai ? a/b v1 -'],
    ['hf://org/name', 'huggingface model org/name - -'],
    ['hf://models/org/name@refs/pr/10/sub/folder', 'huggingface model org/name refs/pr/10 sub/folder'],
    ['hf://datasets/org/name@v1%2Fa/train.csv', 'huggingface dataset org/name v1/a -'],
    ['https://huggingface.co/hfl/chinese-roberta-wwm-ext', 'huggingface model hfl/chinese-roberta-wwm-ext - -'],
    ['https://huggingface.co/bert-base-chinese', 'huggingface model bert-base-chinese - -'],
    ['https://huggingface.co/bert-base-chinese/tree/main', 'huggingface model bert-base-chinese main -'],
    ['https://huggingface.co/a/b/tree/v2/sub/folder', 'huggingface model a/b v2 sub/folder'],
    ['https://huggingface.co/a/b/blob/main/config.json', 'huggingface model a/b main -'],
    ['https://huggingface.co/a/b/resolve/main/onnx/model.onnx?download=true', 'huggingface model a/b main -'],
    ['https://huggingface.co/a/b/tree/main/onnx', 'huggingface model a/b main -'],
    ['https://huggingface.co/datasets/org/name/viewer/default/train', 'huggingface dataset org/name - -'],
    ['https://hf.co/a/b', 'huggingface model a/b - -'],
    ['models/structbert', undefined],
    ['./modelscope', undefined],
    ['C:\\models\\bert', undefined],
    ['c:/models/bert', undefined],
    ['/home/a@b/hf:x', undefined],
  ];
  for (const [text, expected] of rows) {
    it(text, () => assert.equal(parsed(text), expected));
  }

  it('a page of another site is asked of that site, a public page of the mirror', () => {
    const ai = { modelscope: 'https://www.modelscope.ai', huggingface: 'https://hf-mirror.example' };
    assert.equal(parsed('https://modelscope.ai/models/a/b', ai), 'modelscope model a/b - -');
    assert.equal(parsed('https://modelscope.cn/models/a/b', ai), 'modelscope at modelscope.cn model a/b - -');
    assert.equal(parsed('https://huggingface.co/a/b', ai), 'huggingface model a/b - -');
    const mirror = { modelscope: 'https://mirror.example' };
    assert.equal(parsed('https://modelscope.cn/models/a/b', mirror), 'modelscope model a/b - -');
    assert.equal(parsed('https://modelscope.ai/models/a/b', mirror), 'modelscope at modelscope.ai model a/b - -');
    const endpoints = { modelscope: 'https://www.modelscope.cn', huggingface: 'https://huggingface.co' };
    assert.equal(endpointOf(parseHubReference('https://modelscope.ai/models/a/b')!, endpoints), 'https://www.modelscope.ai'); // prettier-ignore
    assert.equal(endpointOf(parseHubReference('modelscope:a/b')!, endpoints), 'https://www.modelscope.cn');
  });

  it('knows the endpoints of the settings', () => {
    const endpoints = { huggingface: 'https://mirror.example', modelscope: 'http://127.0.0.1:8080/' };
    assert.equal(parsed('https://mirror.example/a/b', endpoints), 'huggingface model a/b - -');
    assert.equal(parsed('http://127.0.0.1:8080/models/a/b/summary', endpoints), 'modelscope model a/b - -');
  });

  for (const text of [
    'hf:',
    'modelscope:name',
    'modelscope:a/b/c',
    'hf:a/b/c',
    'hf:../..',
    'hf:a/..',
    'hf:a/b@',
    'hf:a/b@../x',
    'hf:a/b@v@w',
    'hf:a/b c',
    'https://example.org/a/b',
    'https://huggingface.co/',
    'https://huggingface.co/%ff/x',
    'https://modelscope.cn/models/a',
    'hf:datasets/',
    'https://',
    'hf:a/b?x=1',
    'hf:-a/b',
    'hf://',
    'hf://name',
    'hf://spaces/a/b',
    'hf://a/b@',
  ]) {
    // prettier-ignore
    it(`refuses ${text}`, () => {
      assert.throws(() => parseHubReference(text), (error: MedTextError) => error.code === 'USAGE'); // prettier-ignore
    });
  }

  it('formats what it parses', () => {
    for (const text of ['modelscope:datasets/a/b@v1', 'modelscope.ai:a/b', 'hf:a/b@x/y', 'hf:bert-base-chinese']) {
      assert.equal(formatHubReference(parseHubReference(text)!), text);
    }
  });
});
