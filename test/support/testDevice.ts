/** The device of the tests in test/webgpu: WebGPU, or the device that MEDTEXT_TEST_DEVICE names. */
import type { ExecutionDevice } from '../../src/inference/session';

export const testDevice = (process.env.MEDTEXT_TEST_DEVICE ?? 'webgpu') as Exclude<ExecutionDevice, 'cpu'>;
