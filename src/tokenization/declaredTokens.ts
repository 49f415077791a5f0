/** Tokens that the files of a folder add to the vocabulary. Tokens and ids are those that transformers 5 adds. */
import { isJsonObject, isTokenId, type AddedTokenJson, type JsonObject } from './tokenizerJson';
import type { TokenIds, Vocabulary } from './vocabulary';

/** The parsed files that can declare tokens. An absent file is an empty object. */
export interface DeclaringFiles {
  /** tokenizer_config.json */
  readonly config: JsonObject;
  /** special_tokens_map.json */
  readonly specialTokensMap: JsonObject;
  /** added_tokens.json: token → id. */
  readonly addedTokens: JsonObject;
}

type DeclaredToken = Omit<AddedTokenJson, 'id'>;

/** transformers' names of the special tokens that every tokenizer may have. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * The fields that count. special_tokens_map.json overrides tokenizer_config.json. If tokenizer_config.json lists its
 * tokens itself (`added_tokens_decoder`), the two older files are not read. Source: transformers 5,
 * tokenization_utils_base.py, `_from_pretrained`.
 */
export function tokenFields({ config, specialTokensMap }: Omit<DeclaringFiles, 'addedTokens'>): JsonObject {
  return isJsonObject(config.added_tokens_decoder) ? config : { ...config, ...specialTokensMap };
}

/**
 * The tokens to add to `base`, with their ids. A token that is in the vocabulary keeps its id; any other gets the next
 * free one. The order is: the tokens of added_tokens.json or `added_tokens_decoder` by their ids, then named special
 * tokens, then `additional_special_tokens` (newer name: `extra_special_tokens`).
 *
 * A token is left out if no file gives it an id and the embeddings have no row for it: Python's model cannot read it
 * either.
 *
 * @param base the added tokens that are there already
 * @param rows of the embeddings; Infinity where the number is not known
 */
export function declaredTokens(
  files: DeclaringFiles,
  { ids, tokens }: Vocabulary,
  base: readonly AddedTokenJson[],
  rows = Infinity,
): AddedTokenJson[] {
  const known = new Set(base.map(({ content }) => content));
  let next = base.reduce((free, { id }) => Math.max(free, id + 1), tokens.length);
  const added: AddedTokenJson[] = [];
  const { listed, named } = declared(files, ids);
  for (const token of [...listed, ...named]) {
    if (known.has(token.content)) continue;
    known.add(token.content);
    const id = ids.get(token.content) ?? next;
    if (id >= rows && !listed.includes(token)) continue;
    added.push({ ...token, id });
    if (id === next) next++;
  }
  return added;
}

/** Splits the declared tokens into those with an id from a file and those that are only named. */
function declared(
  files: DeclaringFiles,
  ids: TokenIds,
): { readonly listed: readonly DeclaredToken[]; readonly named: readonly DeclaredToken[] } {
  const { config } = files;
  const fields = tokenFields(files);
  const extra = extraTokens(files);
  const named = NAMED.flatMap((name) => specialToken(fields[name]));
  const listed = isJsonObject(config.added_tokens_decoder)
    ? listedTokens(config.added_tokens_decoder)
    : olderTokens(files.addedTokens, new Set([...named, ...extraOf(config)].map(({ content }) => content)));
  // A named token that the vocabulary lacks is ignored, because texts hardly ever contain it.
  return { listed, named: [...named.filter(({ content }) => ids.get(content) !== undefined), ...extra] };
}

/** The tokens of tokenizer_config.json's `added_tokens_decoder`, an object of id → token with its flags. */
function listedTokens(decoder: JsonObject): DeclaredToken[] {
  return inOrder(
    Object.entries(decoder).flatMap(([key, token]) =>
      isJsonObject(token) && typeof token.content === 'string' && token.content !== ''
        ? [[Number(key), { ...token, content: token.content }] as const]
        : [],
    ),
  );
}

/**
 * The tokens of added_tokens.json, an object of token → id. A token is special if another file names it as special. Any
 * other token is normalised like the text.
 */
function olderTokens(addedTokens: JsonObject, special: ReadonlySet<string>): DeclaredToken[] {
  return inOrder(
    Object.entries(addedTokens).flatMap(([content, id]) => {
      const isSpecial = special.has(content);
      return content === '' ? [] : [[Number(id), { content, special: isSpecial, normalized: !isSpecial }] as const];
    }),
  );
}

function inOrder(tokens: readonly (readonly [id: number, token: DeclaredToken])[]): DeclaredToken[] {
  return tokens
    .filter(([id]) => isTokenId(id))
    .sort(([a], [b]) => a - b)
    .map(([, token]) => token);
}

/**
 * The special tokens beyond the named ones. tokenizer_config.json's list overrides the list of special_tokens_map.json,
 * whose newer field is added to it.
 */
function extraTokens({ config, specialTokensMap }: DeclaringFiles): DeclaredToken[] {
  const own = extraOf(config);
  if (isJsonObject(config.added_tokens_decoder)) return own;
  const newer = specialTokens(specialTokensMap.extra_special_tokens);
  if (own.length > 0 || newer.length > 0) return [...own, ...newer];
  return specialTokens(specialTokensMap.additional_special_tokens);
}

/** The extra special tokens of tokenizer_config.json, and those in fields of a model's own, such as `image_token`. */
function extraOf(config: JsonObject): DeclaredToken[] {
  const listed = specialTokens(config.extra_special_tokens);
  const ownFields = Object.keys(config).filter((name) => name.endsWith('_token') && !NAMED.includes(name) && typeof config[name] === 'string'); // prettier-ignore
  return [
    ...(listed.length > 0 ? listed : specialTokens(config.additional_special_tokens)),
    ...ownFields.flatMap((name) => specialToken(config[name])),
  ];
}

function specialTokens(value: unknown): DeclaredToken[] {
  const values = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
  return values.flatMap(specialToken);
}

/** A special token is matched in the text before normalisation, unless its own flags say otherwise. */
function specialToken(value: unknown): DeclaredToken[] {
  const token = isJsonObject(value) ? value : { content: value };
  const { content } = token;
  return typeof content === 'string' && content !== '' ? [{ normalized: false, ...token, content, special: true }] : [];
}
