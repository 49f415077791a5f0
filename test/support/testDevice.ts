/** The device that test/webgpu tests: WebGPU, or another that the machine has, named by MEDTEXT_TEST_DEVICE. */
import type { ExecutionDevice } from '../../src/inference/session';

export const testDevice = (process.env.MEDTEXT_TEST_DEVICE ?? 'webgpu') as Exclude<ExecutionDevice, 'cpu'>;
