import assert from 'node:assert/strict';
import { ByteCursor } from '../../../src/models/checkpoint/byteCursor';
import { PickleTuple, type PickleValue } from '../../../src/models/checkpoint/pickle';
import { findStateDictionary, unpickleTorch } from '../../../src/models/checkpoint/torchPickle';
import { fails } from './support';

/** Latin-1 text as bytes: pickles are written here as they are. */
function load(pickle: string): PickleValue {
  return unpickleTorch(ByteCursor.over(Buffer.from(pickle, 'latin1'), 'a.bin'), 'a.bin');
}

describe('pickle machine: plain values', () => {
  const rows: [string, string, unknown][] = [
    ['none and booleans', '(N\x88\x89l.', [null, true, false]],
    ['protocol 0 integers', '(I5\nI01\nI00\nL-7L\nl.', [5, true, false, -7]],
    ['binary integers', '(K\xffM\xff\xffJ\xfe\xff\xff\xffl.', [255, 65535, -2]],
    ['long integers', '(\x8a\x00\x8a\x01\x80\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01l.', [0, -128, 2n ** 64n]],
    ['long of four length bytes', '\x8b\x02\x00\x00\x00\x00\x01.', 256],
    ['floats', '(F1.5\nFinf\nG\x3f\xf8\x00\x00\x00\x00\x00\x00l.', [1.5, Infinity, 1.5]],
    ['text', "(S'a\\x41\\n'\nVb\\u7cd6\nX\x01\x00\x00\x00c\x8c\x01dU\x01el.", ['aA\n', 'b糖', 'c', 'd', 'e']],
    ['a list with appends', '](K\x01K\x02eK\x03a.', [1, 2, 3]],
    ['a memo', ']\x94q\x05K\x01a0h\x05.', [1]],
    ['a mark that is popped', '(K\x010K\x02(0l.', [2]],
    ['a duplicate', '(K\x012l.', [1, 1]],
    ['frames', '\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x01.', 1],
  ];
  for (const [name, pickle, expected] of rows) it(name, () => assert.deepEqual(load(pickle), expected));

  it('dictionaries, tuples, sets, bytes', () => {
    assert.deepEqual(load('}X\x01\x00\x00\x00aK\x01s.'), new Map([['a', 1]]));
    assert.deepEqual(load('(K\x01K\x02d.'), new Map([[1, 2]]));
    assert.deepEqual(load('K\x01K\x02\x86.'), new PickleTuple([1, 2]));
    assert.deepEqual(load('\x8f(K\x01K\x01\x90.'), new Set([1]));
    assert.deepEqual(load('C\x02\x01\x02.'), Uint8Array.of(1, 2));
    assert.deepEqual(
      load('c_codecs\nencode\n(X\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1tR.'),
      Uint8Array.of(255),
    );
    assert.deepEqual(load('ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00mNsb.'), new Map());
  });
});

describe('pickle machine: refusals', () => {
  const unsafe: [string, string, RegExp][] = [
    ['GLOBAL os.system', "cos\nsystem\n(S'touch x'\ntR.", /os\.system/],
    ['GLOBAL posix.system, protocol 4', '\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.', /posix\.system/],
    ['builtins.eval', 'cbuiltins\neval\n(X\x01\x00\x00\x001tR.', /builtins\.eval/],
    ['builtins.getattr', 'c__builtin__\ngetattr\n0N.', /__builtin__\.getattr/],
    ['a name that is never called', 'csubprocess\nPopen\n.', /subprocess\.Popen/],
    ['a nested load', 'ctorch.storage\n_load_from_bytes\n(C\x00tR.', /torch\.storage\._load_from_bytes/],
    ['a prototype property as a name', 'c__proto__\nconstructor\n.', /__proto__\.constructor/],
    ['INST', "(S'x'\nios\nsystem\n.", /os\.system/],
    ['OBJ', '(cos\nsystem\no.', /os\.system/],
    ['OBJ of a value', '(K\x01o.', /a number/],
    ['NEWOBJ', 'cargparse\nNamespace\n)\x81.', /argparse\.Namespace/],
    ['NEWOBJ_EX with keywords', 'ccollections\nOrderedDict\n)}K\x01K\x02s\x92.', /keyword/],
    ['REDUCE of a value', 'K\x01)R.', /a number/],
    ['REDUCE of a storage type', 'ctorch\nFloatStorage\n)R.', /torch\.FloatStorage/],
    ['BUILD on a value', 'K\x01}b.', /BUILD/],
    ['BUILD on a function', 'ctorch._utils\n_rebuild_tensor_v2\n}b.', /BUILD/],
    ['EXT1', '\x82\x07.', /EXT1/],
    ['EXT2', '\x83\x07\x00.', /EXT2/],
    ['EXT4', '\x84\x07\x00\x00\x00.', /EXT4/],
    ['a module as persistent id', '(X\x06\x00\x00\x00moduleK\x01NNtQ.', /state_dict/],
  ];
  for (const [name, pickle, pattern] of unsafe) {
    it(name, async () => {
      const error = await fails('CHECKPOINT_UNSAFE', () => load(pickle));
      assert.match(error.message, pattern);
    });
  }

  const broken: [string, string][] = [
    ['nothing', ''],
    ['no STOP', 'K\x01'],
    ['STOP on an empty stack', '.'],
    ['an unknown opcode', '\xff.'],
    ['protocol 6', '\x80\x06K\x01.'],
    ['a string longer than the file', 'X\xff\xff\xff\x7fabc.'],
    ['a string of 2^63 bytes', '\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.'],
    ['an integer of a billion bytes', '\x8b\xff\xff\xff\x3f\x00.'],
    ['a decimal integer of 300 digits', `L${'9'.repeat(300)}\n.`],
    ['a memo never set', 'h\x05.'],
    ['a pop below the mark', 'K\x01(0\x85(\x85.'],
    ['no mark', 'K\x01t.'],
    ['an item on a tuple', ')K\x01a.'],
    ['a key without a value', '}(K\x01u.'],
    ['items on a list', '](K\x01K\x02u.'],
    ['out-of-band buffers', '\x97.'],
    ['a storage that is a number', 'K\x01Q.'],
    ['a text persistent id', 'P1\n.'],
    ['a tensor without a storage', 'ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x00)))tR.'],
    ['a call with a list of arguments', 'ccollections\nOrderedDict\n]R.'],
    ['an OrderedDict of numbers', 'ccollections\nOrderedDict\n](K\x01e\x85R.'],
    ['a parameter of a number', 'ctorch._utils\n_rebuild_parameter\nK\x01\x85R.'],
    [
      'a negative storage size',
      '(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ\xff\xff\xff\xfftQ.',
    ],
  ];
  for (const [name, pickle] of broken) it(name, () => fails('CHECKPOINT_FORMAT', () => load(pickle)));

  it('names in messages are short and printable', async () => {
    const error = await fails('CHECKPOINT_UNSAFE', () => load(`cos\x1b[31m${'a'.repeat(60000)}\nx\n.`));
    assert.ok(error.message.length < 800);
    assert.doesNotMatch(error.message, /\x1b/);
  });

  it('memo bombs stay small and cycles end', async () => {
    // Each list holds the one before twice: 2^60 leaves if anything walked them.
    const doubling = `]${'q\x00](h\x00h\x00e'.repeat(60)}.`;
    await fails('CHECKPOINT_FORMAT', () => findStateDictionary(load(doubling), 'a.bin'));
    const cyclic = ']q\x00h\x00a.';
    await fails('CHECKPOINT_FORMAT', () => findStateDictionary(load(cyclic), 'a.bin'));
    const cyclicDictionary = '}q\x00X\x01\x00\x00\x00ah\x00s.';
    await fails('CHECKPOINT_FORMAT', () => findStateDictionary(load(cyclicDictionary), 'a.bin'));
    const nested = `${')'.padEnd(200_000, '\x85')}.`;
    await fails('CHECKPOINT_FORMAT', () => findStateDictionary(load(nested), 'a.bin'));
  });

  it('ten million opcodes are too many', async () => {
    const before = process.memoryUsage().rss;
    await fails('CHECKPOINT_FORMAT', () => load('}'.repeat(10_000_000)));
    assert.ok(process.memoryUsage().rss - before < 500e6);
  });
});
