import assert from 'node:assert/strict';
import { untranslated } from '../../../src/base/translate';
import 'vscode-jsonrpc/node'; // installs the library's runtime layer
import { Emitter } from '../../../src/base/events';
import { ClientChannel } from '../../../src/protocol/channel';
import { count, number, text } from '../../../src/protocol/check';
import { defineContract } from '../../../src/protocol/contract';
import { WebviewServer } from '../../../src/extension/views/webviewServer';

const contract = defineContract({
  name: 'test view',
  version: 1,
  requests: { double: { params: number, result: number }, wait: { params: number, result: text } },
  events: { tick: count },
});

function open() {
  const toHost = new Emitter<unknown>();
  const toPages = new Emitter<any>();
  const webview = {
    onDidReceiveMessage: toHost.event,
    postMessage: (message: unknown) => {
      const copy = JSON.parse(JSON.stringify(message));
      setImmediate(() => toPages.fire(copy));
      return Promise.resolve(true);
    },
  };
  const waiting: { signal: AbortSignal; answer: (text: string) => void }[] = [];
  const server = new WebviewServer(
    webview,
    contract,
    {
      double: (n) => 2 * n,
      wait: (_, signal) => new Promise((answer) => waiting.push({ signal, answer })),
    },
    untranslated,
  );
  const page = (id: string) => {
    const message = new Emitter<unknown>();
    toPages.event((sent) => sent.page === id && message.fire(sent.message));
    return new ClientChannel(contract, {
      post: (content) => toHost.fire(JSON.parse(JSON.stringify({ page: id, message: content }))),
      onMessage: message.event,
      onClose: () => ({ dispose: () => undefined }),
    });
  };
  return { server, page, toHost, waiting };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('host end of a webview', () => {
  it('answers a page and sends it events', async () => {
    const { server, page } = open();
    const client = page('a');
    assert.equal(await client.request('double', 21), 42);
    const ticks: number[] = [];
    client.on('tick', (tick) => ticks.push(tick));
    server.emit('tick', 3);
    await turn();
    assert.deepEqual(ticks, [3]);
  });

  it('never takes an old page’s answer for a new page’s, although both count their requests from 0', async () => {
    const { page, waiting } = open();
    page('a')
      .request('wait', 1)
      .catch(() => undefined);
    await turn();
    const second = page('b').request('wait', 2);
    await turn();
    assert.ok(waiting[0].signal.aborted, 'what the old page asked is given up');
    waiting[0].answer('for a');
    await turn();
    waiting[1].answer('for b');
    assert.equal(await second, 'for b');
  });

  it('ignores what is no message of a page, and refuses what its contract does not allow', async () => {
    const { page, toHost } = open();
    for (const junk of [undefined, null, 7, 'x', {}, { page: 1 }, { page: 'a' }, { page: 'a', message: null }]) {
      toHost.fire(junk);
    }
    const client = page('a');
    await assert.rejects(client.request('double', 'x' as never), { code: 'PROTOCOL' });
    assert.equal(await client.request('double', 1), 2);
  });
});
