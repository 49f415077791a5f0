import { MedTextError } from '../base/errors';

/**
 * Validators for messages. A check returns its argument, typed, or throws `PROTOCOL` with the path of the wrong value.
 * Unknown fields pass, because a newer sender may send fields that an older receiver does not know.
 */
export type Check<T> = (value: unknown, path?: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

export const anything: Check<unknown> = (value) => value;
/** Accepts any value and returns undefined, for messages without content. */
export const nothing: Check<void> = () => undefined;

export const text: Check<string> = (value, path) =>
  typeof value === 'string' ? value : refuse(value, 'a string', path);
export const flag: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(value, 'true or false', path);
/** Accepts any number, NaN and infinities included, because a diverged loss must still reach the panel. */
export const number: Check<number> = (value, path) =>
  typeof value === 'number' ? value : refuse(value, 'a number', path);
export const count: Check<number> = (value, path) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0
    ? value
    : refuse(value, 'a non-negative integer', path);

export function oneOf<const T extends string>(...options: readonly T[]): Check<T> {
  return (value, path) =>
    options.includes(value as T) ? (value as T) : refuse(value, `one of ${options.join(', ')}`, path);
}

export function nullable<T>(inner: Check<T>): Check<T | null> {
  return withParts((value, path) => (value === null ? null : inner(value, path)), { inner });
}

export function listOf<T>(item: Check<T>): Check<readonly T[]> {
  return (value, path = 'message') => {
    if (!Array.isArray(value)) return refuse(value, 'a list', path);
    value.forEach((entry, index) => item(entry, `${path}[${index}]`));
    return value as readonly T[];
  };
}

export function recordOf<T>(item: Check<T>): Check<Readonly<Record<string, T>>> {
  const check: Check<Readonly<Record<string, T>>> = (value, path = 'message') => {
    if (!isPlainObject(value)) return refuse(value, 'an object', path);
    for (const [key, entry] of Object.entries(value)) item(entry, `${path}.${key}`);
    return value as Readonly<Record<string, T>>;
  };
  return withParts(check, { item });
}

/** Accepts an object whose required fields all pass. Fields of `optional` may be absent or undefined. */
export function object<R extends Record<string, Check<any>>, O extends Record<string, Check<any>> = {}>(
  required: R,
  optional?: O,
): Check<{ readonly [K in keyof R]: Checked<R[K]> } & { readonly [K in keyof O]?: Checked<O[K]> }> {
  const whole = (value: unknown, path = 'message'): never => {
    if (!isPlainObject(value)) return refuse(value, 'an object', path);
    for (const [key, check] of Object.entries(required)) check(value[key], `${path}.${key}`);
    for (const [key, check] of Object.entries(optional ?? {})) {
      if (value[key] !== undefined) check(value[key], `${path}.${key}`);
    }
    return value as never;
  };
  return withParts(whole, { fields: { ...required, ...optional } });
}

/** The parts of a value that pass their own checks. */
export type Parts<T> = T extends readonly unknown[] | string | number | boolean | null | undefined
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Parts<T[K]> }
    : T;

interface OwnParts {
  readonly fields?: Readonly<Record<string, Check<any>>>;
  readonly item?: Check<any>;
  readonly inner?: Check<any>;
}

/** A check that {@link partsOf} can look into. */
export function withParts<C extends Check<any>>(check: C, parts: OwnParts): C {
  return Object.assign(check, parts);
}

/** The fields of the object that `check` describes; none for other checks. */
export const fieldsOf = (check: Check<any>): Readonly<Record<string, Check<any>>> => (check as OwnParts).fields ?? {};

/**
 * Keeps each field that passes its check and leaves the others out, for files that other programs may have changed.
 * @returns undefined if the value is of another kind, such as a text in place of an object
 */
export function partsOf<T>(check: Check<T>, value: unknown): Parts<T> | undefined {
  const { fields, item, inner } = check as OwnParts;
  if (inner && value !== null) return partsOf(inner, value);
  if (!fields && !item) {
    try {
      return check(value) as Parts<T>;
    } catch {
      return undefined;
    }
  }
  if (!isPlainObject(value)) return undefined;
  const names = fields ? Object.keys(fields) : Object.keys(value);
  const kept = names.map((name) => [name, partsOf(fields ? fields[name] : item!, value[name])] as const);
  return Object.fromEntries(kept.filter(([, part]) => part !== undefined)) as Parts<T>;
}

/** Accepts one of several shapes, selected by their field `kind`. */
export function variant<V extends Record<string, Check<any>>>(shapes: V): Check<Checked<V[keyof V]>> {
  const kind = oneOf(...Object.keys(shapes));
  return (value, path = 'message') => {
    if (!isPlainObject(value)) return refuse(value, 'an object', path);
    return shapes[kind(value.kind, `${path}.kind`)](value, path);
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(value: unknown, expected: string, path = 'message'): never {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  throw new MedTextError('PROTOCOL', `${path} must be ${expected}, got ${got}`, { path });
}
