/**
 * Keeps one session open over all tests. The runtime ends its WebGPU context with the last session, and a new context compiles
 * every shader again: with a driver in software that is most of a test's time.
 */
import { Session } from '../../src/inference/session';
import { Operators } from '../../src/onnx/operators';
import { testDevice } from '../support/testDevice';

let kept: Session | undefined;

export const mochaHooks = {
  async beforeAll(): Promise<void> {
    const g = new Operators();
    g.output(g.neg(g.input('x', 'float32', [1])), 'y');
    kept = await Session.create(g.build('kept'), { device: testDevice });
  },
  async afterAll(): Promise<void> {
    await kept?.release();
  },
};
