/** Helpers of the checkpoint tests. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { MedTextError, type ErrorCode } from '../../../src/base/errors';
import { elementCount } from '../../../src/onnx/dataType';
import type { CheckpointSource } from '../../../src/models/checkpoint/checkpointSource';

export function fixture(...names: string[]): string {
  return join(__dirname, '../../fixtures/checkpoints', ...names);
}

/** The values that make.py gives the parameter `name`. */
export function valuesOf(name: string, shape: readonly number[]): Float32Array {
  const start = Array.from(name).reduce((sum, character, i) => sum + (i + 1) * character.charCodeAt(0), 0);
  const step = 37 + 2 * ((start >> 8) % 64);
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => (((start + step * i) % 256) - 128) / 64);
}

export async function read(source: CheckpointSource, name: string): Promise<Float32Array> {
  const tensor = source.tensors.get(name);
  assert.ok(tensor, `no tensor ${name}`);
  const into = new Float32Array(elementCount(tensor.shape)).fill(NaN);
  await tensor.read(into);
  return into;
}

/** The call fails with `code`; returns the error. */
export async function fails(code: ErrorCode, call: () => unknown): Promise<MedTextError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof MedTextError, `not a coded error: ${(error as Error).stack}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`expected ${code}`);
}
