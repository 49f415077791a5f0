import { anything, count, nothing, object } from '../../../src/protocol/check';
import { defineContract, handshake, workerEvents } from '../../../src/protocol/contract';

export const testContract = defineContract({
  name: 'test worker',
  version: 1,
  requests: {
    initialize: handshake,
    echo: { params: anything, result: anything },
    emitThree: { params: nothing, result: nothing },
    fail: { params: nothing, result: nothing },
    wait: { params: nothing, result: nothing },
    die: { params: nothing, result: nothing },
    quit: { params: nothing, result: nothing },
    read: { params: object({ ms: count, megabytes: count }), result: nothing },
    leaveBehind: { params: nothing, result: nothing },
    block: { params: object({ ms: count }), result: nothing },
  },
  events: { ...workerEvents, tick: object({ n: count }) },
});
