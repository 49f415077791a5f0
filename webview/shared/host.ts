import 'vscode-jsonrpc/browser'; // installs the library's runtime layer
import { Emitter } from '../../src/base/events';
import { ClientChannel, type Port } from '../../src/protocol/channel';
import type { Contract } from '../../src/protocol/contract';
import type { PageMessage } from '../../src/protocol/pageMessage';

interface VsCodeApi {
  postMessage(message: PageMessage): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

/** The page's end of the channel to the extension host. */
export function connectToHost<C extends Contract>(contract: C): ClientChannel<C> {
  const page = crypto.randomUUID();
  const message = new Emitter<unknown>();
  window.addEventListener('message', ({ data }: MessageEvent<PageMessage | undefined>) => {
    if (data?.page === page) message.fire(data.message);
  });
  const port: Port = {
    post: (content) => api.postMessage({ page, message: content }),
    onMessage: message.event,
    // The host never closes the channel: it outlives its pages.
    onClose: () => ({ dispose: () => undefined }),
  };
  return new ClientChannel(contract, port);
}

/** What the person opened and typed in the page. The editor keeps it when the page is hidden or reloaded. */
export const pageMemory = {
  read: (): unknown => api.getState(),
  write: (state: unknown): void => api.setState(state),
};
