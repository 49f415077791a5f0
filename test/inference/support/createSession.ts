/** Loads the runtime through the one door to it, as any command does, and ends. */
import { Session } from '../../../src/inference/session';

void Session.create(new Uint8Array([1, 2, 3])).catch((error: Error) => {
  process.stdout.write(error.message);
});
