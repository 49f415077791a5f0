import assert from 'node:assert/strict';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MedTextError, type ErrorCode } from '../../src/base/errors';
import { RandomStream } from '../../src/base/random';
import { DATA_TYPES, type DataType } from '../../src/onnx/dataType';
import { resolveExternalPath } from '../../src/onnx/externalLocation';
import type { Attribute, Graph, Model, Tensor } from '../../src/onnx/model';
import { printGraph } from '../../src/onnx/printGraph';
import { readModel, type ReadOptions } from '../../src/onnx/readModel';
import { writeModel, type ExternalData } from '../../src/onnx/writeModel';
import { encoderBytes, encoderFeeds, floatsOf, largestError, LAYOUTS, REFERENCE, runOnnx } from './foreignEncoders';

const OPSETS = new Map([['', 20]]);
const asModel = (graph: Partial<Graph>): Model => ({
  irVersion: 9,
  producerName: 'test',
  opsets: OPSETS,
  graph: { name: 'g', nodes: [], inputs: [], outputs: [], initializers: new Map(), ...graph },
});

function tensor(dataType: DataType, shape: number[], values: readonly number[]): Tensor {
  const data = new DATA_TYPES[dataType].array(values.length);
  values.forEach((value, i) => (data[i] = (typeof data[i] === 'bigint' ? BigInt(value) : value) as never));
  return { dataType, shape, data };
}

/** Reads, expecting an error of the code whose message matches. */
function refused(bytes: Uint8Array, code: ErrorCode, pattern: RegExp, options?: ReadOptions): void {
  assert.throws(
    () => readModel(bytes, options),
    (error: unknown) =>
      (error instanceof MedTextError && error.code === code && pattern.test(error.message)) ||
      assert.fail(String(error)),
  );
}

/** One length-delimited field. */
function part(field: number, ...content: (Uint8Array | string)[]): Uint8Array {
  const body = Buffer.concat(content.map((c) => (typeof c === 'string' ? Buffer.from(c) : c)));
  return new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(body).finish();
}
function number(field: number, value: number | bigint): Uint8Array {
  return new BinaryWriter().tag(field, WireType.Varint).int64(value).finish();
}
/** A model file with these fields in its graph. */
function fileOf(...graphFields: Uint8Array[]): Uint8Array {
  return Buffer.concat([number(1, 9), part(7, part(2, 'g'), ...graphFields), part(8, number(2, 20))]);
}
const initializer = (...fields: Uint8Array[]) => part(5, part(8, 'w'), ...fields);

describe('reading and writing ONNX', () => {
  for (const layout of LAYOUTS) {
    it(`a rewritten ${layout} encoder gives PyTorch's outputs`, async () => {
      const model = readModel(encoderBytes(layout));
      const again = writeModel(model).bytes;
      for (const reference of REFERENCE.cases) {
        const outputs = await runOnnx(again, encoderFeeds(reference));
        const hidden = floatsOf(reference.last_hidden_state);
        assert.ok(largestError(outputs.last_hidden_state.data as Float32Array, hidden) < 1e-5);
      }
      assert.deepEqual(readModel(again), model);
    });
  }

  it('keeps every kind of attribute and type', () => {
    const inner: Graph = {
      name: 'inner',
      nodes: [],
      inputs: [],
      outputs: [{ name: 'x', dataType: 'float32', shape: [], unranked: true }],
      initializers: new Map(),
    };
    const attributes: Record<string, Attribute> = {
      int: { type: 'int', value: -7 },
      toTheEnd: { type: 'int', value: 2 ** 63 },
      float: { type: 'float', value: 0.5 },
      string: { type: 'string', value: '糖尿病 ¿' },
      ints: { type: 'ints', value: [0, -1, 2 ** 40, -(2 ** 63)] },
      floats: { type: 'floats', value: [1.5, -Infinity] },
      strings: { type: 'strings', value: ['a', ''] },
      noInts: { type: 'ints', value: [] },
      tensor: { type: 'tensor', value: tensor('int64', [2], [-1, 5]) },
      graph: { type: 'graph', value: inner },
      __proto: { type: 'int', value: 1 },
    };
    const initializers = new Map(
      (Object.keys(DATA_TYPES) as DataType[]).map((dataType) => [
        `t.${dataType}`,
        tensor(dataType, [3, 1], [0, 1, 100]),
      ]),
    );
    initializers.set('scalar', tensor('float32', [], [3]));
    initializers.set('empty', tensor('float32', [0, 4], []));
    const model = asModel({
      inputs: [{ name: 'x', dataType: 'float32', shape: ['batch', 3, ''] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: [1] }],
      nodes: [
        {
          name: 'n',
          opType: 'Anything',
          domain: 'some.domain',
          inputs: ['x', '', 'scalar'],
          outputs: ['y', ''],
          attributes,
        },
      ],
      initializers,
    });
    const read = readModel(writeModel(model).bytes);
    assert.deepEqual(read.graph.initializers, model.graph.initializers);
    assert.deepEqual({ ...read.graph.nodes[0].attributes }, attributes);
    assert.equal(printGraph(read.graph), printGraph(model.graph));
    // 2^63 - 1 and -2^63 exactly, as bytes.
    assert.deepEqual(writeModel(read).bytes, writeModel(model).bytes);
  });

  it('reads the typed data fields of tensors, packed and one by one', () => {
    const varints = (field: number, ...values: (number | bigint)[]) => {
      const w = new BinaryWriter();
      values.forEach((value) => w.int64(value));
      return part(field, w.finish());
    };
    const rows: [DataType, Uint8Array, (number | bigint)[]][] = [
      ['float32', Buffer.concat([part(4, Buffer.from(new Float32Array([1.5, -2]).buffer))]), [1.5, -2]],
      [
        'float32',
        new BinaryWriter().tag(4, WireType.Bit32).float(1.5).tag(4, WireType.Bit32).float(-2).finish(),
        [1.5, -2],
      ],
      ['float64', part(10, Buffer.from(new Float64Array([1e300, -2]).buffer)), [1e300, -2]],
      ['float16', varints(5, 0x3c00, 0xc000), [0x3c00, 0xc000]],
      ['bfloat16', varints(5, 0x3f80, 0xc000), [0x3f80, 0xc000]],
      ['bool', varints(5, 1, 0), [1, 0]],
      ['int8', varints(5, -3, 4), [-3, 4]],
      ['uint8', varints(5, 200, 4), [200, 4]],
      ['int32', Buffer.concat([number(5, -3), number(5, 4)]), [-3, 4]],
      ['int64', varints(7, -(2n ** 63n), 4), [-(2n ** 63n), 4n]],
      ['uint32', varints(11, 4294967295, 4), [4294967295, 4]],
      ['uint64', varints(11, -1n, 4), [2n ** 64n - 1n, 4n]],
    ];
    for (const [dataType, data, values] of rows) {
      const file = fileOf(initializer(number(1, 2), number(2, DATA_TYPES[dataType].code), data));
      const read = readModel(file).graph.initializers.get('w')!;
      assert.deepEqual(
        { dataType: read.dataType, shape: read.shape, data: Array.from(read.data as never) },
        { dataType, shape: [2], data: values },
      );
    }
  });

  it('puts large tensors into an external file that ONNX Runtime and the reader open', async () => {
    const model = readModel(encoderBytes('optimum'));
    const { bytes, externalData } = writeModel(model, {
      externalThresholdBytes: 512,
      externalLocation: 'encoder.onnx.data',
    });
    assert.ok(externalData && bytes.length < encoderBytes('optimum').length - 15000);
    const file = joined(externalData);
    assert.equal(file.length, externalData.sizeBytes);
    const outputs = await runOnnx(bytes, encoderFeeds(REFERENCE.cases[0]), {
      externalData: [{ path: 'encoder.onnx.data', data: file }],
    });
    assert.ok(
      largestError(outputs.last_hidden_state.data as Float32Array, floatsOf(REFERENCE.cases[0].last_hidden_state)) <
        1e-5,
    );
    const locations = new Set<string>();
    const readExternal = (location: string, offset: number, length: number) => {
      locations.add(location);
      return file.subarray(offset, offset + length);
    };
    assert.deepEqual(readModel(bytes, { readExternal }), model);
    assert.deepEqual([...locations], ['encoder.onnx.data']);
    refused(bytes, 'NOT_FOUND', /encoder\.onnx\.data/);
    refused(bytes, 'ONNX_FORMAT', /has 10 of the/, { readExternal: () => new Uint8Array(10) });
    refused(bytes, 'ONNX_FORMAT', /larger than is allowed/, { readExternal, maxExternalBytes: 3000 });
  });

  it('never lets external data leave the folder', () => {
    assert.equal(resolveExternalPath('/models/bert/', 'weights/./a.bin'), '/models/bert/weights/a.bin');
    for (const location of [
      '/etc/passwd',
      '../x',
      'a/../../x',
      '..\\x',
      'C:\\x',
      'C:x',
      '\\\\server\\x',
      '',
      '.',
      'a\0b',
    ]) {
      assert.throws(() => resolveExternalPath('/models', location), { code: 'ONNX_FORMAT' }, location);
      const entry = part(13, part(1, 'location'), part(2, location));
      const file = fileOf(initializer(number(1, 2), number(2, 1), entry, number(14, 1)));
      refused(file, 'ONNX_FORMAT', /lies outside/, { readExternal: () => assert.fail('opened') });
    }
  });

  it('names what a valid file has that the project lacks', () => {
    const node = (...fields: Uint8Array[]) => part(1, part(2, 'y'), part(3, 'n1'), part(4, 'Op'), ...fields);
    refused(fileOf(part(15)), 'UNSUPPORTED', /sparse/);
    refused(fileOf(initializer(number(1, 1), number(2, 8), part(6, 'text'))), 'UNSUPPORTED', /"w" is of type strings/);
    refused(fileOf(initializer(number(1, 1), number(2, 17))), 'UNSUPPORTED', /float8e4m3fn/);
    refused(fileOf(part(11, part(1, 'x'), part(2, part(4)))), 'UNSUPPORTED', /"x" is a sequence/);
    refused(fileOf(node(part(5, part(1, 'many'), number(20, 9)))), 'UNSUPPORTED', /"many".*Op node.*list of tensors/);
    const functionProto = part(25, part(1, 'Op'), part(10, 'mine'));
    refused(Buffer.concat([fileOf(node(part(7, 'mine'))), functionProto]), 'UNSUPPORTED', /"n1" calls a function/);
    assert.equal(
      readModel(Buffer.concat([fileOf(node()), functionProto])).graph.nodes.length,
      1,
      'a function nobody calls',
    );
  });

  it('refuses files that lie', () => {
    const raw = (...dims: (number | bigint)[]) =>
      fileOf(initializer(...dims.map((d) => number(1, d)), number(2, 1), part(9, new Uint8Array(8))));
    assert.equal(readModel(raw(2)).graph.initializers.get('w')!.data.length, 2);
    refused(raw(3), 'ONNX_FORMAT', /"w" of shape \[3\] has 8 bytes/);
    refused(raw(-1), 'ONNX_FORMAT', /impossible shape/);
    refused(raw(2 ** 31, 2 ** 31, 2 ** 31), 'ONNX_FORMAT', /impossible shape/);
    refused(raw(2n ** 62n, 4), 'ONNX_FORMAT', /impossible shape/);
    refused(raw(...new Array<number>(100).fill(1)), 'ONNX_FORMAT', /impossible shape|dimensions/);
    refused(
      fileOf(initializer(number(1, 2 ** 33), number(2, 7), part(7, new Uint8Array(5)))),
      'ONNX_FORMAT',
      /has 5 bytes/,
    );
    refused(fileOf(initializer(number(1, 1), number(2, 1))), 'ONNX_FORMAT', /has 0 bytes/);
    refused(fileOf(initializer(number(2, 99))), 'ONNX_FORMAT', /unknown type 99/);
    refused(fileOf(part(1, part(1, 'nothing'), part(2, 'y'), part(4, 'Neg'))), 'ONNX_FORMAT', /reads "nothing" before/);
    refused(
      fileOf(part(1, part(2, 'y'), part(4, 'A')), part(1, part(2, 'y'), part(4, 'A'))),
      'ONNX_FORMAT',
      /called "y"/,
    );
    refused(
      fileOf(part(12, part(1, 'y'), part(2, part(1, number(1, 1))))),
      'ONNX_FORMAT',
      /nothing makes the output "y"/,
    );
    refused(new Uint8Array(0), 'ONNX_FORMAT', /holds 0 graphs/);
    refused(Buffer.from('PK\x03\x04 not a protobuf at all, but a zip or a text'), 'ONNX_FORMAT', /not a valid ONNX/);
    const external = (key: string, value: string) =>
      fileOf(
        initializer(
          number(1, 2),
          number(2, 1),
          part(13, part(1, 'location'), part(2, 'a')),
          part(13, part(1, key), part(2, value)),
          number(14, 1),
        ),
      );
    refused(external('offset', '-8'), 'ONNX_FORMAT', /external offset "-8"/);
    refused(external('offset', '1e3'), 'ONNX_FORMAT', /external offset/);
    refused(external('length', '4'), 'ONNX_FORMAT', /needs 8 external bytes, not 4/);
  });

  it('refuses deep nesting and endless parts quickly', () => {
    let graph = part(2, 'leaf');
    for (let i = 0; i < 2000; i++)
      graph =
        part(2, 'g') && part(1, part(2, `y${i}`), part(4, 'If'), part(5, part(1, 'b'), part(6, graph), number(20, 5)));
    refused(fileOf(graph), 'ONNX_FORMAT', /nested more than/);
    const started = Date.now();
    refused(Buffer.alloc(12_000_000, part(8)), 'ONNX_FORMAT', /more than 4000000 parts/);
    refused(fileOf(part(1, Buffer.alloc(12_000_000, part(1)))), 'ONNX_FORMAT', /more than 4000000 parts/);
    assert.ok(Date.now() - started < 10_000);
  }).timeout(20_000);

  it('every truncation and 3,000 mutations either read or fail with a code', () => {
    const original = encoderBytes('dynamo');
    const random = new RandomStream(7);
    const attempt = (bytes: Uint8Array) => {
      try {
        readModel(bytes, { readExternal: (_, __, length) => new Uint8Array(Math.min(length, 64)) });
        return true;
      } catch (error) {
        assert.ok(
          error instanceof MedTextError && ['ONNX_FORMAT', 'UNSUPPORTED', 'NOT_FOUND'].includes(error.code),
          String(error),
        );
        return false;
      }
    };
    for (let length = 0; length < original.length - 1; length += 7)
      assert.equal(attempt(original.subarray(0, length)), false, `${length} bytes`);
    for (let i = 0; i < 3000; i++) {
      const mutated = new Uint8Array(original);
      for (let flips = 1 + random.integer(4); flips > 0; flips--)
        mutated[random.integer(mutated.length)] = random.integer(256);
      attempt(mutated);
    }
  });
});

function joined(external: ExternalData): Uint8Array {
  return Buffer.concat(external.pieces);
}
