/** All parameters' values in one array, in the order of the specs. */
import type { Parameters } from '../../src/models/parameters';

export function allValues(parameters: Parameters): Float32Array {
  const all = new Float32Array(parameters.elementCount);
  let at = 0;
  for (const name of parameters.names) {
    const values = parameters.values(name);
    all.set(values, at);
    at += values.length;
  }
  return all;
}

/** @param valueAt by the place among all values */
export function setAll(parameters: Parameters, valueAt: (place: number) => number): void {
  let at = 0;
  for (const name of parameters.names) {
    const values = parameters.values(name);
    for (let i = 0; i < values.length; i++) values[i] = valueAt(at++);
  }
}

export function copyAll(from: Parameters, to: Parameters): void {
  for (const name of from.names) to.values(name).set(from.values(name));
}
