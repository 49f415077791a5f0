/**
 * A restricted pickle machine (protocols 0 to 5, CPython's Lib/pickletools.py for the opcodes). It builds plain values
 * and calls only functions of the caller's allow-list, which are ours and written in TypeScript: nothing of a pickle
 * is ever executed. Whatever else a pickle asks for is refused by name with CHECKPOINT_UNSAFE.
 */
import { MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';
import type { ByteCursor } from './byteCursor';

/** Lists are arrays, dictionaries are Maps; values of the allow-list's own making are opaque objects. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleTuple
  | PickleFunction
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | object;

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** Something a pickle may call: our own code under a Python name. */
export class PickleFunction {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}

export interface PickleHost {
  /** The names that a pickle may use (`module.name`); every other name is refused. */
  readonly globals: ReadonlyMap<string, PickleValue>;
  /** Resolves a persistent id (PyTorch's storages). */
  persistentLoad(id: PickleValue): PickleValue;
  /** Takes the state of an object of the allow-list's own making; false: it is none. */
  setState?(object: PickleValue, state: PickleValue): boolean;
}

/**
 * A checkpoint of BERT-large has 20,000 opcodes and a training checkpoint ten times as many. Every opcode makes at most
 * one small object, so this also bounds the memory.
 */
const MAX_OPCODES = 1_000_000;
const MAX_LINE_BYTES = 2 ** 16;
/** Decimal or binary digits of an integer: none in a checkpoint has more, and converting longer ones is quadratic. */
const MAX_INTEGER_BYTES = 256;

/**
 * Runs one pickle, from the cursor's position through its STOP.
 * @param where the file, for messages.
 * @throws MedTextError CHECKPOINT_UNSAFE for anything off the allow-list, CHECKPOINT_FORMAT for a broken pickle.
 */
export function unpickle(cursor: ByteCursor, host: PickleHost, where: string): PickleValue {
  return new Machine(cursor, host, where).run();
}

class Machine {
  private readonly stack: PickleValue[] = [];
  /** Stack heights at which a MARK stands. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly cursor: ByteCursor,
    private readonly host: PickleHost,
    private readonly where: string,
  ) {}

  run(): PickleValue {
    for (let count = 0; count < MAX_OPCODES; count++) {
      const opcode = this.cursor.byte();
      if (opcode === 0x2e) return this.pop(); // STOP
      this.step(opcode);
    }
    throw this.cursor.broken(words`its pickle has more than ${MAX_OPCODES} opcodes`);
  }

  private step(opcode: number): void {
    const { cursor, stack } = this;
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = cursor.byte();
        if (protocol > 5) throw cursor.broken(words`pickle protocol ${protocol} is unknown`);
        return;
      }
      case 0x95: // FRAME
        cursor.unsigned(8);
        return;

      // Constants
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4a: {
        // BININT
        return this.push(cursor.unsigned(4) | 0);
      }
      case 0x4b: // BININT1
        return this.push(cursor.byte());
      case 0x4d: // BININT2
        return this.push(cursor.unsigned(2));
      case 0x8a: // LONG1
        return this.push(this.binaryInteger(cursor.byte()));
      case 0x8b: // LONG4
        return this.push(this.binaryInteger(cursor.unsigned(4)));
      case 0x49: // INT
        return this.push(this.decimalInteger(true));
      case 0x4c: // LONG
        return this.push(this.decimalInteger(false));
      case 0x46: // FLOAT
        return this.push(this.decimalFloat());
      case 0x47: {
        // BINFLOAT
        const raw = cursor.take(8);
        return this.push(new DataView(raw.buffer, raw.byteOffset, 8).getFloat64(0, false));
      }

      // Text and bytes. Python 2 wrote its byte strings as text; they are names and read as such.
      case 0x58: // BINUNICODE
        return this.push(utf8(cursor.take(cursor.unsigned(4))));
      case 0x8c: // SHORT_BINUNICODE
        return this.push(utf8(cursor.take(cursor.byte())));
      case 0x8d: // BINUNICODE8
        return this.push(utf8(cursor.take(cursor.unsigned(8))));
      case 0x56: // UNICODE
        return this.push(rawUnicodeEscape(cursor.line(MAX_LINE_BYTES)));
      case 0x53: // STRING
        return this.push(this.quotedString());
      case 0x54: // BINSTRING
        return this.push(utf8(cursor.take(cursor.unsigned(4))));
      case 0x55: // SHORT_BINSTRING
        return this.push(utf8(cursor.take(cursor.byte())));
      case 0x42: // BINBYTES
        return this.push(cursor.take(cursor.unsigned(4)).slice());
      case 0x43: // SHORT_BINBYTES
        return this.push(cursor.take(cursor.byte()).slice());
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.push(cursor.take(cursor.unsigned(8)).slice());

      // Tuples, lists, dictionaries, sets
      case 0x29: // EMPTY_TUPLE
        return this.push(new PickleTuple([]));
      case 0x85: // TUPLE1
        return this.push(new PickleTuple(this.popMany(1)));
      case 0x86: // TUPLE2
        return this.push(new PickleTuple(this.popMany(2)));
      case 0x87: // TUPLE3
        return this.push(new PickleTuple(this.popMany(3)));
      case 0x74: // TUPLE
        return this.push(new PickleTuple(this.popToMark()));
      case 0x5d: // EMPTY_LIST
        return this.push([]);
      case 0x6c: // LIST
        return this.push(this.popToMark());
      case 0x61: {
        // APPEND
        const [item] = this.popMany(1);
        this.topList().push(item);
        return;
      }
      case 0x65: {
        // APPENDS
        const items = this.popToMark();
        const list = this.topList();
        for (const item of items) list.push(item);
        return;
      }
      case 0x7d: // EMPTY_DICT
        return this.push(new Map());
      case 0x64: {
        // DICT
        const items = this.popToMark();
        this.push(new Map());
        return this.setItems(items);
      }
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      case 0x8f: // EMPTY_SET
        return this.push(new Set());
      case 0x91: // FROZENSET
        return this.push(new Set(this.popToMark()));
      case 0x90: {
        // ADDITEMS
        const items = this.popToMark();
        const set = this.top();
        if (!(set instanceof Set)) throw cursor.broken(words`items are added to something that is not a set`);
        for (const item of items) set.add(item);
        return;
      }

      // Stack and memo
      case 0x28: // MARK
        this.marks.push(stack.length);
        return;
      case 0x30: // POP
        if (this.marks.at(-1) === stack.length) this.marks.pop();
        else this.pop();
        return;
      case 0x31: // POP_MARK
        this.popToMark();
        return;
      case 0x32: // DUP
        return this.push(this.top());
      case 0x67: // GET
        return this.push(this.recall(Number(this.decimalInteger(false))));
      case 0x68: // BINGET
        return this.push(this.recall(cursor.byte()));
      case 0x6a: // LONG_BINGET
        return this.push(this.recall(cursor.unsigned(4)));
      case 0x70: // PUT
        return this.memorise(Number(this.decimalInteger(false)));
      case 0x71: // BINPUT
        return this.memorise(cursor.byte());
      case 0x72: // LONG_BINPUT
        return this.memorise(cursor.unsigned(4));
      case 0x94: // MEMOIZE
        return this.memorise(this.memo.size);

      // These opcodes would run code in Python.
      case 0x63: {
        // GLOBAL
        const module = utf8(cursor.line(MAX_LINE_BYTES));
        return this.push(this.global(module, utf8(cursor.line(MAX_LINE_BYTES))));
      }
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          throw cursor.broken(words`a global is not named by two strings`);
        }
        return this.push(this.global(module, name));
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.popMany(2);
        return this.push(this.call(callee, args));
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callee, args, keywords] = this.popMany(3);
        if (keywords instanceof Map && keywords.size > 0)
          throw this.unsafe(words`a call with keyword arguments (NEWOBJ_EX)`);
        return this.push(this.call(callee, args));
      }
      case 0x69: {
        // INST
        const module = utf8(cursor.line(MAX_LINE_BYTES));
        const callee = this.global(module, utf8(cursor.line(MAX_LINE_BYTES)));
        return this.push(this.call(callee, new PickleTuple(this.popToMark())));
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = this.popToMark();
        return this.push(this.call(callee, new PickleTuple(args)));
      }
      case 0x62: {
        // BUILD
        // A state dictionary's state is `_metadata` (module versions), which the tensors do not need.
        const state = this.pop();
        if (this.top() instanceof Map || this.host.setState?.(this.top(), state)) return;
        throw this.unsafe(words`to set the state of ${describe(this.top())} (BUILD)`);
      }
      case 0x51: // BINPERSID
        return this.push(this.host.persistentLoad(this.pop()));
      case 0x50: // PERSID
        return this.push(this.host.persistentLoad(utf8(cursor.line(MAX_LINE_BYTES))));
      case 0x82: // EXT1
        throw this.unsafe(words`for code ${cursor.byte()} of Python's extension registry (EXT1)`);
      case 0x83: // EXT2
        throw this.unsafe(words`for code ${cursor.unsigned(2)} of Python's extension registry (EXT2)`);
      case 0x84: // EXT4
        throw this.unsafe(words`for code ${cursor.unsigned(4)} of Python's extension registry (EXT4)`);
      default:
        throw cursor.broken(words`0x${opcode.toString(16).padStart(2, '0')} is not a pickle opcode it may use`);
    }
  }

  private global(module: string, name: string): PickleValue {
    const path = `${module}.${name}`;
    const value = this.host.globals.get(path);
    if (value === undefined) throw this.unsafe(words`for ${printable(path)}`, path);
    return value;
  }

  private call(callee: PickleValue, args: PickleValue): PickleValue {
    if (!(callee instanceof PickleFunction)) throw this.unsafe(words`to call ${describe(callee)}`);
    if (!(args instanceof PickleTuple))
      throw this.cursor.broken(words`${callee.name} is called without a tuple of arguments`);
    return callee.call(args.items);
  }

  private unsafe(what: Words, global?: string): MedTextError {
    return new MedTextError(
      'CHECKPOINT_UNSAFE',
      words`${this.where} asks ${what}, which a file of weights does not need. The file was refused and no code was run. If you trust the file, save only its tensors in Python: torch.save(model.state_dict(), path), or as safetensors.`,
      { file: this.where, ...(global === undefined ? {} : { global: printable(global) }) },
    );
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
  }

  private top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.underflow();
    return this.stack[this.stack.length - 1];
  }

  private pop(): PickleValue {
    const value = this.top();
    this.stack.length--;
    return value;
  }

  private popMany(count: number): PickleValue[] {
    if (this.stack.length - count < (this.marks.at(-1) ?? 0)) throw this.underflow();
    return this.stack.splice(this.stack.length - count, count);
  }

  private popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined || mark > this.stack.length) throw this.underflow();
    return this.stack.splice(mark);
  }

  private underflow(): MedTextError {
    return this.cursor.broken(words`an opcode takes more values than there are`);
  }

  private topList(): PickleValue[] {
    const list = this.top();
    if (!Array.isArray(list)) throw this.cursor.broken(words`items are appended to something that is not a list`);
    return list;
  }

  private setItems(items: readonly PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map)) throw this.cursor.broken(words`items are set on something that is not a dictionary`);
    if (items.length % 2) throw this.cursor.broken(words`a dictionary has a key without a value`);
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  private recall(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw this.cursor.broken(words`memo ${index} is used before it is set`);
    return value;
  }

  private memorise(index: number): void {
    this.memo.set(index, this.top());
  }

  private binaryInteger(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw this.cursor.broken(words`an integer has ${length} bytes`);
    const raw = this.cursor.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i]);
    return narrowed(BigInt.asIntN(8 * length, value));
  }

  /** INT's `00` and `01` are False and True; LONG ends in an L. */
  private decimalInteger(booleans: boolean): number | bigint | boolean {
    const text = utf8(this.cursor.line(MAX_INTEGER_BYTES));
    if (booleans && (text === '00' || text === '01')) return text === '01';
    if (!/^-?\d+L?$/.test(text)) throw this.cursor.broken(words`an integer is not one`);
    return narrowed(BigInt(text.replace('L', '')));
  }

  private decimalFloat(): number {
    const text = utf8(this.cursor.line(MAX_INTEGER_BYTES));
    const special = { inf: Infinity, '-inf': -Infinity, nan: NaN }[text];
    if (special !== undefined) return special;
    if (text.trim() === '' || Number.isNaN(Number(text))) throw this.cursor.broken(words`a float is not one`);
    return Number(text);
  }

  private quotedString(): string {
    const text = utf8(this.cursor.line(MAX_LINE_BYTES)).trim();
    const quoted = /^(['"])(.*)\1$/s.exec(text);
    if (!quoted) throw this.cursor.broken(words`a string has no quotes`);
    return quoted[2].replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, escape: string) =>
      escape.length === 3
        ? String.fromCharCode(parseInt(escape.slice(1), 16))
        : ({ n: '\n', t: '\t', r: '\r' }[escape] ?? escape),
    );
  }
}

const decoder = new TextDecoder('utf-8');

function utf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function rawUnicodeEscape(bytes: Uint8Array): string {
  const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return latin1.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, long?: string) => {
    const code = parseInt((short ?? long) as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Names in a hostile file may be long or hold control characters; a message must not. */
function printable(text: string): string {
  const clean = text.replace(/[\p{C}\p{Z}]/gu, ' ');
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}

function describe(value: PickleValue): string | Words {
  if (value === null) return 'None';
  if (value === undefined) return words`nothing`;
  if (value instanceof PickleFunction) return value.name;
  if (value instanceof PickleTuple) return words`a tuple`;
  if (value instanceof Map) return words`a dictionary`;
  if (value instanceof Set) return words`a set`;
  if (Array.isArray(value)) return words`a list`;
  if (value instanceof Uint8Array) return words`bytes`;
  return typeof value === 'object' ? String(value) : words`a ${typeof value}`;
}
