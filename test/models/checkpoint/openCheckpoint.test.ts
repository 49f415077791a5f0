import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../../src/models/checkpoint/openCheckpoint';
import type { GraphNode, Tensor } from '../../../src/onnx/model';
import { writeModel } from '../../../src/onnx/writeModel';
import { fails, fixture, read, valuesOf } from './support';

interface Views {
  [name: string]: { shape: number[]; values: (number | null)[] };
}

describe('openCheckpoint', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, bytes: Uint8Array | string) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  const sameWeights: [file: string, format: string, type: string][] = [
    ['structbert/pytorch_model.bin', 'torch-zip', 'float32'],
    ['legacy.bin', 'torch-legacy', 'float32'],
    ['half.bin', 'torch-zip', 'float16'],
    ['bfloat16-legacy.bin', 'torch-legacy', 'bfloat16'],
    ['model.safetensors', 'safetensors', 'float32'],
    ['sharded/model.safetensors.index.json', 'safetensors', 'float32'],
  ];
  for (const [file, format, type] of sameWeights) {
    it(`reads ${file}`, async () => {
      const source = await openCheckpoint(fixture(...file.split('/')));
      assert.equal(source.format, format);
      let count = 0;
      for (const tensor of source.tensors.values()) {
        if (tensor.name.endsWith('position_ids')) continue;
        assert.equal(tensor.dataType, type);
        assert.deepEqual(await read(source, tensor.name), valuesOf(tensor.name, tensor.shape), tensor.name);
        count++;
      }
      assert.equal(count, 41);
      await source.close();
    });
  }

  it('finds the state dictionary inside a training checkpoint', async () => {
    const source = await openCheckpoint(fixture('nested.bin'));
    const name = 'module.bert.encoder.layer.1.output.LayerNorm.gamma';
    const ours = 'bert.encoder.layer.1.output.LayerNorm.weight';
    assert.deepEqual(await read(source, name), valuesOf(ours, [8]));
    assert.ok(![...source.tensors.keys()].some((key) => key.includes('exp_avg')));
    await source.close();
  });

  for (const file of ['views.bin', 'views-legacy.bin', 'views-new-types.bin']) {
    it(`reads strided, expanded and shared storages of every type: ${file}`, async () => {
      const expected: Views = JSON.parse(readFileSync(fixture('views.json'), 'utf8'));
      const source = await openCheckpoint(fixture(file));
      for (const [name, { shape, values }] of Object.entries(expected)) {
        assert.deepEqual(source.tensors.get(name)?.shape, shape, name);
        assert.deepEqual(
          await read(source, name),
          Float32Array.from(values, (v) => v ?? Infinity),
          name,
        );
      }
      if (file.includes('new')) assert.deepEqual(await read(source, 'uint16'), Float32Array.of(0, 65535));
      await source.close();
    });
  }

  it('reads packed entries and sparse views of large storages', async () => {
    const source = await openCheckpoint(fixture('deflated.bin'));
    assert.deepEqual(await read(source, 'sparse'), Float32Array.of(1, 2, 3, 4));
    const whole = await read(source, 'whole');
    assert.deepEqual([whole[0], whole[1], whole[1 << 17], whole.length], [1, 0, 2, 1 << 19]);
    await source.close();
  });

  it('refuses what would run code, by name', async () => {
    assert.match(
      (await fails('CHECKPOINT_UNSAFE', () => openCheckpoint(fixture('unsafe-zip.bin')))).message,
      /posix\.system/,
    );
    assert.match(
      (await fails('CHECKPOINT_UNSAFE', () => openCheckpoint(fixture('unsafe-legacy.bin')))).message,
      /eval/,
    );
    assert.match(
      (await fails('CHECKPOINT_UNSAFE', () => openCheckpoint(fixture('unsafe-module.bin')))).message,
      /Linear/,
    );
    const raw = write('raw.bin', 'cos\nsystem\n(S"true"\ntR.');
    assert.match((await fails('CHECKPOINT_UNSAFE', () => openCheckpoint(raw))).message, /os\.system/);
  });

  it('names files that are something else', async () => {
    await fails('NOT_FOUND', () => openCheckpoint(join(folder, 'absent.bin')));
    await fails('IO', () => openCheckpoint(folder));
    await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('empty.bin', '')));
    await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('noise.bin', '这不是模型')));
    const lfs = write('lfs.bin', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    assert.match((await fails('CHECKPOINT_FORMAT', () => openCheckpoint(lfs))).message, /git lfs pull/);
    await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('page.bin', '<!doctype html>')));
    await fails('UNSUPPORTED', () => openCheckpoint(write('tf_model.h5', Buffer.from('\x89HDF\r\n', 'latin1'))));
    const tar = Buffer.alloc(1024);
    tar.write('ustar', 257);
    await fails('UNSUPPORTED', () => openCheckpoint(write('old.tar', tar)));
  });

  it('truncated anywhere, a file is refused when opened or read', async () => {
    for (const file of ['structbert/pytorch_model.bin', 'legacy.bin', 'model.safetensors']) {
      const bytes = readFileSync(fixture(...file.split('/')));
      for (let part = 0; part < 64; part++) {
        const cut = write('cut.bin', bytes.subarray(0, Math.floor((bytes.length * part) / 64)));
        await fails('CHECKPOINT_FORMAT', () => openCheckpoint(cut));
      }
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('cut.bin', bytes.subarray(0, bytes.length - 1))));
    }
  });

  describe('onnx', () => {
    const weight = { dataType: 'float32' as const, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const bias = { dataType: 'float32' as const, shape: [3], data: new Float32Array(3) };
    const node = (opType: string, inputs: string[], output: string, domain = ''): GraphNode => ({
      name: `the ${opType}`,
      opType,
      domain,
      inputs,
      outputs: [output],
      attributes: {},
    });
    const open = (nodes: GraphNode[], initializers: [string, Tensor][]) => {
      const graph = {
        name: 'g',
        nodes,
        inputs: [{ name: 'x', dataType: 'float32' as const, shape: [1, 2] }],
        outputs: [],
        initializers: new Map(initializers),
      };
      const model = {
        irVersion: 8,
        producerName: 'test',
        opsets: new Map([
          ['', 17],
          ['com.microsoft', 1],
        ]),
        graph,
      };
      return openCheckpoint(write('made.onnx', writeModel(model).bytes));
    };

    it("turns a linear layer's weight the module's way, with its own name", async () => {
      const source = await open(
        [node('MatMul', ['x', 'onnx::MatMul_9'], 'p'), node('Add', ['dense.bias', 'p'], 'y')],
        [
          ['onnx::MatMul_9', weight],
          ['dense.bias', bias],
        ],
      );
      assert.deepEqual(source.tensors.get('dense.weight')?.shape, [3, 2]);
      assert.deepEqual(await read(source, 'dense.weight'), Float32Array.of(1, 4, 2, 5, 3, 6));
    });

    it('follows Identity to the parameters that share a tensor', async () => {
      const source = await open(
        [node('Identity', ['a.LayerNorm.weight'], 'b.LayerNorm.weight')],
        [['a.LayerNorm.weight', bias]],
      );
      assert.deepEqual(await read(source, 'b.LayerNorm.weight'), new Float32Array(3));
    });

    it('refuses two weights for one name, quantised and fused graphs', async () => {
      const two = ['p', 'q'].flatMap((x) => [
        node('MatMul', ['x', `w${x}`], x),
        node('Add', [x, 'dense.bias'], `y${x}`),
      ]);
      await fails('UNSUPPORTED', () =>
        open(two, [
          ['wp', weight],
          ['wq', { ...weight }],
          ['dense.bias', bias],
        ]),
      );
      const quantised = await fails('UNSUPPORTED', () =>
        open([node('MatMulInteger', ['x', 'w'], 'y')], [['w', weight]]),
      );
      assert.match(quantised.message, /MatMulInteger.*the MatMulInteger/);
      await fails('UNSUPPORTED', () => open([node('Attention', ['x', 'w'], 'y', 'com.microsoft')], [['w', weight]]));
      await fails('CHECKPOINT_FORMAT', () => open([], [['constant', weight]]));
    });

    it('external data may be a link within the folder, or in a hub cache; a link out of it is not opened', async () => {
      const graph = { name: 'g', nodes: [], inputs: [], outputs: [], initializers: new Map([['a.weight', weight]]) };
      const model = { irVersion: 8, producerName: 'test', opsets: new Map([['', 17]]), graph };
      const written = writeModel(model, { externalThresholdBytes: 1, externalLocation: 'a.data' });
      const data = Buffer.concat(written.externalData!.pieces);
      for (const name of ['home', 'cache/blobs', 'cache/snapshot/onnx', 'outside']) {
        mkdirSync(join(folder, name), { recursive: true });
      }
      const secret = write('outside/secret', data);
      const home = write('home/model.onnx', written.bytes);
      symlinkSync(secret, join(folder, 'home/a.data'));
      const error = await fails('ONNX_FORMAT', () => openCheckpoint(home));
      assert.match(error.message, /leads out of the model's folder/);
      unlinkSync(join(folder, 'home/a.data'));
      symlinkSync(write('home/real.data', data), join(folder, 'home/a.data'));
      assert.deepEqual(await read(await openCheckpoint(home), 'a.weight'), weight.data);

      symlinkSync(write('cache/blobs/1', written.bytes), join(folder, 'cache/snapshot/onnx/model.onnx'));
      symlinkSync(write('cache/blobs/2', data), join(folder, 'cache/snapshot/onnx/a.data'));
      const cached = await openCheckpoint(join(folder, 'cache/snapshot/onnx/model.onnx'));
      assert.deepEqual(await read(cached, 'a.weight'), weight.data);
    });
  });

  describe('safetensors', () => {
    const file = (header: unknown, data: Uint8Array = new Uint8Array(0), lie = 0) => {
      const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(json.length + lie));
      return write('made.safetensors', Buffer.concat([prefix, json, data]));
    };
    const tensor = (shape: unknown, begin: number, end: number, dtype: unknown = 'F32') => ({
      dtype,
      shape,
      data_offsets: [begin, end],
    });
    const data = new Uint8Array(Float32Array.of(1, 2).buffer);

    it('reads what is right', async () => {
      const source = await openCheckpoint(
        file({ b: tensor([1], 4, 8), a: tensor([], 0, 4), none: tensor([0, 3], 4, 4) }, data),
      );
      assert.deepEqual(await read(source, 'a'), Float32Array.of(1));
      assert.deepEqual(await read(source, 'b'), Float32Array.of(2));
      assert.deepEqual(await read(source, 'none'), new Float32Array(0));
      await source.close();
    });

    const wrong: [string, unknown, Uint8Array?, number?][] = [
      ['a header longer than the file', {}, data, 100],
      ['a header of 2^60 bytes', {}, data, 2 ** 60],
      ['a header that is not JSON', '{"a":', data],
      ['a header that is a list', [], data],
      ['an entry that is null', { a: null }, data],
      ['overlapping tensors', { a: tensor([2], 0, 8), b: tensor([1], 4, 8) }, data],
      ['a gap', { a: tensor([1], 4, 8) }, data],
      ['bytes left over', { a: tensor([1], 0, 4) }, data],
      ['a range beyond the file', { a: tensor([3], 0, 12) }, data],
      ['a range backwards', { a: tensor([0], 4, 0) }, data],
      ['a negative range', { a: tensor([1], -4, 0) }, data],
      ['a fractional range', { a: tensor([1], 0.5, 4.5) }, data],
      ['a shape that does not fill its range', { a: tensor([3], 0, 8) }, data],
      ['a negative dimension', { a: tensor([-2], 0, 8) }, data],
      ['a shape that overflows', { a: tensor([2 ** 40, 2 ** 40], 0, 8) }, data],
      ['a shape of a thousand dimensions', { a: tensor(new Array(1000).fill(1), 0, 4) }, data],
      ['a shape that is text', { a: tensor('2', 0, 8) }, data],
      ['a dtype that is a number', { a: tensor([2], 0, 8, 7) }, data],
    ];
    for (const [name, header, bytes, lie] of wrong) {
      it(`refuses ${name}`, () => fails('CHECKPOINT_FORMAT', () => openCheckpoint(file(header, bytes, lie))));
    }

    it('names a type it does not read', async () => {
      const error = await fails('UNSUPPORTED', () => openCheckpoint(file({ a: tensor([8], 0, 8, 'F8_E4M3') }, data)));
      assert.match(error.message, /F8_E4M3/);
      await fails('UNSUPPORTED', () => openCheckpoint(file({ a: tensor([8], 0, 8, 'constructor') }, data)));
    });
  });

  describe('shard index', () => {
    const index = (weightMap: unknown) =>
      write('model.safetensors.index.json', JSON.stringify({ weight_map: weightMap }));
    for (const shard of [
      '../model.safetensors',
      '/etc/passwd',
      'a/b.safetensors',
      'a\\b.safetensors',
      'C:x',
      '..',
      '.',
      '',
      7,
      null,
    ]) {
      it(`does not open ${JSON.stringify(shard)}`, async () => {
        const error = await fails('CHECKPOINT_FORMAT', () => openCheckpoint(index({ a: shard })));
        assert.match(error.message, /not a file name/);
      });
    }

    it('refuses an index that is not one, or points to itself, or to a tensor that is not there', async () => {
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('x.index.json', '{')));
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(write('x.index.json', '[]')));
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(index({})));
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(index({ a: 'model.safetensors.index.json' })));
      await fails('NOT_FOUND', () => openCheckpoint(index({ a: 'absent.safetensors' })));
      writeFileSync(join(folder, 'one.safetensors'), readFileSync(fixture('model.safetensors')));
      await fails('CHECKPOINT_FORMAT', () => openCheckpoint(index({ a: 'one.safetensors' })));
    });
  });
});
