/** int8PeakChild.ts FOLDER: opens a model in int8, and prints by how much that raised the peak memory of the process, in bytes. */
import { readFileSync } from 'node:fs';
import { openNetwork } from '../../../src/inference/packedNetwork';
import { PackedSession } from '../../../src/inference/packedSession';
import { runtimeVersion } from '../../../src/inference/session';
import { bertNetwork, networkParameterSpecs } from '../../../src/models/encoder';
import { openModelFolder } from '../../../src/models/modelFolder';

const memory = (field: 'VmHWM' | 'VmRSS'): number =>
  1024 * Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))![1]);

async function main(): Promise<void> {
  const folder = await openModelFolder(process.argv[2]);
  const specs = networkParameterSpecs(folder.config, folder.head, folder.labels!.length);
  const network = openNetwork(bertNetwork(folder.config, folder.head, folder.labels!.length), specs);
  runtimeVersion(); // The runtime's library is loaded before.
  const before = memory('VmRSS');
  const session = await PackedSession.open(folder, network, { threads: 1, precision: 'int8' });
  console.log(JSON.stringify({ risenBytes: memory('VmHWM') - before, isOpen: session instanceof PackedSession }));
}

void main();
