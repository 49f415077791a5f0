import 'vscode-jsonrpc/node'; // installs the library's runtime layer
import type { ChildProcess } from 'node:child_process';
import { Emitter } from '../base/events';
import type { Port } from '../protocol/channel';

/** The host's end of the channel to a child forked with `serialization: 'advanced'`: typed arrays travel as they are. */
export function childPort(child: ChildProcess): Port & { close(): void } {
  const messages = new Emitter<unknown>();
  const closing = new Emitter<void>();
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    closing.fire();
  };
  child.on('message', (message) => messages.fire(message));
  return {
    post(message) {
      if (!open || !child.connected) return; // `onClose` reports the end
      child.send(message as object, () => undefined);
    },
    onMessage: messages.event,
    onClose: closing.event,
    close,
  };
}

/** The child's end of the channel. */
export function parentPort(): Port {
  if (!process.send) throw new Error('This program is started by MedText Lab as a child process, not by hand.');
  const messages = new Emitter<unknown>();
  const closing = new Emitter<void>();
  process.on('message', (message) => messages.fire(message));
  process.once('disconnect', () => closing.fire());
  return {
    post(message) {
      if (process.connected) process.send!(message, undefined, undefined, () => undefined);
    },
    onMessage: messages.event,
    onClose: closing.event,
  };
}
