/** Runs graphs in onnxruntime-node without optimisation, so that a test checks the graph as it was built. The default device is the CPU. */
import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { DATA_TYPES, elementCount, type DataType, type TypedArray } from '../../src/onnx/dataType';
import type { ExecutionDevice } from '../../src/inference/session';
import type { Model, ValueInfo } from '../../src/onnx/model';
import { writeModel } from '../../src/onnx/writeModel';

/** Values by name, flat and row-major. Numbers are converted to the graph's types. */
export type Numbers = Readonly<Record<string, ArrayLike<number>>>;

export interface RunnableGraph {
  /** Feeds every input of the graph and returns all outputs. Other feeds are ignored. */
  run(feeds: Numbers): Promise<Record<string, number[]>>;
  release(): Promise<void>;
}

/** Opens the model in a session with one thread. Each run also compares the outputs' types with the inferred types. */
export async function openGraph(model: Model, device: ExecutionDevice = 'cpu'): Promise<RunnableGraph> {
  const session = await ort.InferenceSession.create(writeModel(model).bytes, {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  return {
    async run(feeds) {
      const inputs = model.graph.inputs.map((info) => [info.name, tensorOf(info, feeds[info.name])] as const);
      const outputs = await session.run(Object.fromEntries(inputs));
      return Object.fromEntries(
        model.graph.outputs.map((info) => {
          const output = outputs[info.name];
          assert.equal(output.type, info.dataType, `type of "${info.name}"`);
          assert.deepEqual(output.dims, info.shape, `shape of "${info.name}"`);
          return [info.name, Array.from(output.data as ArrayLike<number | bigint | boolean>, Number)];
        }),
      );
    },
    release: () => session.release(),
  };
}

/** Opens the model, runs it once and releases it. */
export async function runGraph(
  model: Model,
  feeds: Numbers = {},
  device: ExecutionDevice = 'cpu',
): Promise<Record<string, number[]>> {
  const graph = await openGraph(model, device);
  try {
    return await graph.run(feeds);
  } finally {
    await graph.release();
  }
}

function tensorOf(info: ValueInfo, numbers: ArrayLike<number> | undefined): ort.Tensor {
  const shape = info.shape as number[];
  assert.ok(numbers, `no values for the input "${info.name}"`);
  assert.equal(numbers.length, elementCount(shape), `number of values for the input "${info.name}"`);
  return new ort.Tensor(info.dataType as 'float32', typedArray(info.dataType, numbers) as Float32Array, shape);
}

function typedArray(dataType: DataType, numbers: ArrayLike<number>): TypedArray {
  const array = new DATA_TYPES[dataType].array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    array[i] = (
      array instanceof BigInt64Array || array instanceof BigUint64Array ? BigInt(numbers[i]) : numbers[i]
    ) as never;
  }
  return array;
}
