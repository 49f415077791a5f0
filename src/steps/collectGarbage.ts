/** Memory that is given back at once. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: (() => void) | undefined;

/**
 * A step leaves gradients of the size of the model behind, in arrays outside the JavaScript heap. Collected at once
 * (a few milliseconds) their memory serves the next step; left to the collector, two or three generations pile up.
 */
export function collectGarbage(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
  gc();
}
