/** Addresses, which a recipe may have in place of paths. An address means the same on every machine. */
import { MedTextError, words } from '../base/errors';
import { hubNames, hubPrefixes } from '../base/hubNames';
import type { PartialRecipe } from './recipe';

export type RecipeAddress =
  | { readonly kind: 'library'; readonly name: string; readonly hash: string | undefined }
  | {
      readonly kind: 'hub';
      /** A reference such as `modelscope:owner/name@revision`, which src/hub/hubReference.ts parses. */
      readonly reference: string;
      /** For a data set: a split's name, `subset/split`, or a file's path. */
      readonly split: string | undefined;
    };

const LIBRARY = 'library';
const PREFIXES: ReadonlySet<string> = new Set([LIBRARY, ...hubNames.flatMap((hub) => hubPrefixes[hub])]);
/** The number of hash digits in an address, enough to tell models apart. */
const HASH_LETTERS = 12;
const MIN_HASH_LETTERS = 8;

export function isRecipeAddress(path: string): boolean {
  const prefix = /^([a-z][a-z.]+):(?!\\)/i.exec(path.trim())?.[1];
  return prefix !== undefined && PREFIXES.has(prefix.toLowerCase());
}

/**
 * Parses an address: `library:NAME@HASH` (a model of the person's library, identified by its content), or a hub's reference,
 * which ends with `#split` for a data set.
 * @returns undefined for a path
 * @throws MedTextError RECIPE for a malformed library address
 */
function parseRecipeAddress(text: string): RecipeAddress | undefined {
  const trimmed = text.trim();
  if (!isRecipeAddress(trimmed)) return undefined;
  if (!trimmed.toLowerCase().startsWith(`${LIBRARY}:`)) {
    const [reference, ...rest] = trimmed.split('#');
    return { kind: 'hub', reference, split: rest.length > 0 ? rest.join('#') : undefined };
  }
  const [, name, hash] = /^([^@/\\:]+)(?:@(?:sha256:)?([0-9a-f]+))?$/i.exec(trimmed.slice(LIBRARY.length + 1)) ?? [];
  if (name === undefined || /^\.+$/.test(name) || (hash !== undefined && hash.length < MIN_HASH_LETTERS)) {
    throw new MedTextError(
      'RECIPE',
      words`"${trimmed.slice(0, 200)}" names no model of the library. Write library:NAME@HASH, with ${MIN_HASH_LETTERS} or more digits of its content hash.`,
      { address: trimmed.slice(0, 200) },
    );
  }
  return { kind: LIBRARY, name, hash: hash?.toLowerCase() };
}

/** @param contentHash `sha256:` and 64 digits */
export function libraryAddress(name: string, contentHash: string): string {
  return `${LIBRARY}:${name}@${contentHash.replace(/^sha256:/, '').slice(0, HASH_LETTERS)}`;
}

/** A field of a recipe that holds an address. */
export interface AddressField {
  /** `model`, `dataset.train.file` */
  readonly field: string;
  readonly text: string;
  readonly address: RecipeAddress;
}

/** Every address in a recipe, in the order of its fields. @throws the errors of {@link parseRecipeAddress} */
export function addressesIn({ model, dataset }: PartialRecipe): readonly AddressField[] {
  const fields: (readonly [string, string | undefined])[] = [
    ['model', model],
    ...(['train', 'validation', 'test'] as const).map(
      (name) => [`dataset.${name}.file`, dataset?.[name]?.file] as const,
    ),
  ];
  return fields.flatMap(([field, text]) => {
    const address = typeof text === 'string' ? parseRecipeAddress(text) : undefined;
    return address ? [{ field, text: text!, address }] : [];
  });
}

/** The recipe with a path in place of each address. `paths` maps addresses to paths; other addresses stay. */
export function withPaths<T extends PartialRecipe>(recipe: T, paths: ReadonlyMap<string, string>): T {
  const known = (text: string | undefined): string | undefined => (text === undefined ? undefined : paths.get(text));
  const copy = structuredClone(recipe) as PartialRecipe;
  if (known(copy.model) !== undefined) copy.model = known(copy.model);
  for (const name of ['train', 'validation', 'test'] as const) {
    const split = copy.dataset?.[name];
    if (split && known(split.file) !== undefined) split.file = known(split.file);
  }
  return copy as T;
}
