import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session, supportedDevices, type ExecutionDevice, type SessionOptions } from '../../src/inference/session';
import { MedTextError } from '../../src/base/errors';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { predictFile } from '../../src/evaluation/predictFile';
import { writeTinyModel } from '../cli/support/tinyModel';

const other = supportedDevices()
  .map(({ name }) => name as ExecutionDevice)
  .find((name) => ['cuda', 'dml', 'coreml'].includes(name))!;

describe('a model on a whole file', () => {
  const { create } = Session;
  const { run } = Session.prototype;
  let folder: string;
  let model: string;
  let file: string;
  /** Of every session that was made. */
  let devices: string[];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-whole-file-'));
    model = await writeTinyModel(join(folder, 'model'), { labels: ['0', '1'] });
    file = join(folder, 'data.json');
    const row = (i: number) => ({ query1: '肺炎怎么治疗'.slice(0, 2 + (i % 4)), query2: '肺炎', label: String(i % 2) });
    writeFileSync(file, JSON.stringify(Array.from({ length: 8 }, (_, i) => row(i))));
  });
  beforeEach(() => (devices = []));
  afterEach(() => {
    Session.create = create;
    Session.prototype.run = run;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Sessions are the CPU's, whatever device is asked for; those of `failing` are refused as a driver does. */
  function devicesOf(failing?: { device: ExecutionDevice; code: 'RUNTIME' | 'GRAPH' }): void {
    Session.create = (graph, options: SessionOptions = {}) => {
      const { device = 'cpu' } = options;
      devices.push(device);
      if (device === failing?.device) throw new MedTextError(failing.code, 'no such device');
      return create.call(Session, graph, { ...options, device: 'cpu' });
    };
  }
  const known = (device: ExecutionDevice) => ({ threads: 1, knownDevice: async () => device });

  it('tells how many rows are longer than what it reads', async () => {
    const long = join(folder, 'long.json');
    const rows = ['肺炎'.repeat(40), '肺炎'].map((query1) => ({ query1, query2: '感冒', label: '0' }));
    writeFileSync(long, JSON.stringify(rows));
    const log: string[] = [];
    const options = { threads: 1, log: (line: string) => log.push(line) };
    await evaluateModel(model, long, options);
    await predictFile(model, long, join(folder, 'long.predicted.json'), options);
    const told = '1 of 2 rows are longer than 40 tokens, which the model reads. Their ends are cut.';
    assert.deepEqual(log, [told, told]);
  });

  it('computes on the device that training chose', async () => {
    devicesOf();
    const onProcessor = await evaluateModel(model, file, known('cpu'));
    assert.deepEqual([...new Set(devices)], ['cpu']);
    devices = [];
    const onDevice = await evaluateModel(model, file, known(other));
    assert.deepEqual([...new Set(devices)], [other]);
    assert.deepEqual(onDevice, onProcessor);
  });

  it('begins again on the processor where that device fails, and not where something else does', async () => {
    devicesOf({ device: other, code: 'RUNTIME' });
    const output = join(folder, 'predicted.json');
    const log: string[] = [];
    const { rows } = await predictFile(model, file, output, { ...known(other), log: (line) => log.push(line) });
    assert.equal(rows, 8);
    assert.deepEqual(log, [
      `Computing on ${other}, which training chose on this machine.`,
      `${other} failed (no such device); computing on the CPU.`,
    ]);
    assert.equal(JSON.parse(readFileSync(output, 'utf8')).length, 8);
    assert.deepEqual([...new Set(devices)], [other, 'cpu']);
    devicesOf({ device: other, code: 'GRAPH' });
    await assert.rejects(evaluateModel(model, file, known(other)), { code: 'GRAPH' });
  });

  it('computes nothing for an output that could not be written', async () => {
    for (const [output, label, code] of [
      ['answers.parquet', undefined, 'UNSUPPORTED'],
      ['answers.json', 'query2', 'USAGE'],
    ] as const) {
      let runs = 0;
      Session.prototype.run = function (...feeds) {
        runs++;
        return run.apply(this, feeds);
      };
      await assert.rejects(predictFile(model, file, join(folder, output), { threads: 1, label }), { code });
      assert.equal(runs, 0);
    }
  });

  it('writes over no part of its input: of a document of brat’s neither text nor annotations', async () => {
    const [text, annotations] = ['a.txt', 'a.ann'].map((name) => join(folder, name));
    writeFileSync(text, '肺炎伴发热');
    writeFileSync(annotations, 'T1\t疾病 0 2\t肺炎\n');
    for (const output of [text, annotations]) {
      await assert.rejects(predictFile(model, text, output), { code: 'USAGE', message: /would replace the input/ });
    }
  });

  it('is refused where the device is named and fails', async () => {
    devicesOf({ device: 'cpu', code: 'RUNTIME' });
    await assert.rejects(evaluateModel(model, file, { ...known(other), device: 'cpu' }), { code: 'RUNTIME' });
    assert.deepEqual(devices, ['cpu']);
  });
});
