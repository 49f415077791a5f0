import { disposable } from '../../src/base/disposables';
import { Emitter } from '../../src/base/events';
import type { Port } from '../../src/protocol/channel';
import 'vscode-jsonrpc/node'; // installs the library's runtime layer

/** Two ports connected in memory. Messages are cloned and arrive asynchronously, as between processes. */
export function memoryPorts(): { client: Port; server: Port; close: () => void } {
  const ends = [new Emitter<unknown>(), new Emitter<unknown>()];
  const closing = new Emitter<void>();
  let open = true;
  const end = (own: number): Port => ({
    post(message) {
      if (!open) throw new Error('the port is closed');
      const copy = structuredClone(message);
      setImmediate(() => open && ends[1 - own].fire(copy));
    },
    onMessage: ends[own].event,
    onClose: closing.event,
  });
  const close = disposable(() => {
    open = false;
    closing.fire();
  });
  return { client: end(0), server: end(1), close: () => close.dispose() };
}
