import assert from 'node:assert/strict';
import { MedTextError } from '../../src/base/errors';
import { ClientChannel, ServerChannel, type Handlers } from '../../src/protocol/channel';
import { anything, count, nothing, number, object, text } from '../../src/protocol/check';
import { defineContract } from '../../src/protocol/contract';
import { memoryPorts } from '../support/memoryPorts';

const contract = defineContract({
  name: 'calculator',
  version: 1,
  requests: {
    double: { params: number, result: number },
    lie: { params: nothing, result: number },
    fail: { params: nothing, result: nothing },
    blunder: { params: nothing, result: nothing },
    wait: { params: nothing, result: nothing },
    echo: { params: anything, result: anything },
  },
  events: { tick: object({ n: count }), said: text },
});

function open(overrides: Partial<Handlers<typeof contract>> = {}) {
  const ports = memoryPorts();
  const server = new ServerChannel(contract, ports.server, {
    double: (n) => n * 2,
    lie: () => 'seven' as never,
    fail: () => {
      throw new MedTextError('LABELS', 'no such label', { label: 'x', cause: () => undefined });
    },
    blunder: () => {
      throw new TypeError('oops');
    },
    wait: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    echo: (value) => value,
    ...overrides,
  });
  return { ...ports, serverChannel: server, client: new ClientChannel(contract, ports.client) };
}

const withCode = (code: string) => (error: MedTextError) => error instanceof MedTextError && error.code === code;

describe('channel', () => {
  it('answers with the result, typed arrays and lists included', async () => {
    const { client } = open();
    assert.equal(await client.request('double', 21), 42);
    assert.deepEqual(await client.request('echo', new Float32Array([1, 2.5])), new Float32Array([1, 2.5]));
    assert.deepEqual(await client.request('echo', [1, [2]]), [1, [2]]);
    assert.equal(await client.request('echo', undefined), undefined);
  });

  it('carries code, message and detail of an error, and details that cannot be cloned as text', async () => {
    const { client } = open();
    await assert.rejects(client.request('fail', undefined), (error: MedTextError) => {
      assert.equal(error.code, 'LABELS');
      assert.equal(error.message, 'no such label');
      assert.equal(error.detail.label, 'x');
      assert.equal(typeof error.detail.cause, 'string');
      return true;
    });
    await assert.rejects(client.request('blunder', undefined), withCode('INTERNAL'));
  });

  it('refuses malformed parameters at the server and malformed results at the client', async () => {
    const { client } = open();
    await assert.rejects(client.request('double', 'x' as never), withCode('PROTOCOL'));
    await assert.rejects(client.request('lie', undefined), withCode('PROTOCOL'));
  });

  it('cancels: the caller settles at once, the handler sees its signal', async () => {
    let seen = false;
    const { client } = open({
      wait: (_, signal) => new Promise<void>(() => signal.addEventListener('abort', () => (seen = true))),
    });
    const abort = new AbortController();
    const waiting = client.request('wait', undefined, abort.signal);
    setImmediate(() => abort.abort());
    await assert.rejects(waiting, withCode('CANCELLED'));
    await client.request('double', 1);
    assert.ok(seen);
    await assert.rejects(client.request('double', 1, abort.signal), withCode('CANCELLED'));
  });

  it('fails what is pending and what comes later with CLOSED when the other end goes', async () => {
    const { client, serverChannel, close } = open();
    const waiting = client.request('wait', undefined);
    setImmediate(close);
    await assert.rejects(waiting, withCode('CLOSED'));
    await assert.rejects(client.request('double', 1), withCode('CLOSED'));
    assert.ok(serverChannel.closed.aborted);
  });

  it('settles once even when cancelled, answered and closed together', async () => {
    const { client, close } = open();
    const abort = new AbortController();
    let settled = 0;
    const asked = client.request('double', 2, abort.signal).finally(() => settled++);
    abort.abort();
    close();
    await assert.rejects(asked, withCode('CANCELLED'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(settled, 1);
  });

  it('delivers events in order and drops, with a report, the malformed ones', async () => {
    const { client, serverChannel } = open();
    const seen: unknown[] = [];
    const malformed: string[] = [];
    client.on('tick', ({ n }) => seen.push(n));
    client.on('said', (line) => seen.push(line));
    client.onMalformedEvent((error) => malformed.push(error.message));
    serverChannel.emit('tick', { n: 1 });
    serverChannel.emit('said', 'x');
    serverChannel.emit('tick', { n: -1 });
    serverChannel.emit('tick', { n: 2 });
    await client.request('double', 1);
    assert.deepEqual(seen, [1, 'x', 2]);
    assert.equal(malformed.length, 1);
  });
});
