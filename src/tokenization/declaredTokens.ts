/** Tokens that a folder's files add to the vocabulary: the same ones, with the same ids, as transformers 5 adds. */
import { isJsonObject, isTokenId, type AddedTokenJson, type JsonObject } from './tokenizerJson';

/** The files that can declare tokens, parsed; an absent one is an empty object. */
export interface DeclaringFiles {
  /** tokenizer_config.json */
  readonly config: JsonObject;
  /** special_tokens_map.json */
  readonly specialTokensMap: JsonObject;
  /** added_tokens.json: token -> id. */
  readonly addedTokens: JsonObject;
}

type DeclaredToken = Omit<AddedTokenJson, 'id'>;

/** transformers' names of the special tokens that every tokenizer may have. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * What counts of the files' fields: special_tokens_map.json over tokenizer_config.json, unless that lists its tokens itself
 * (`added_tokens_decoder`): then the two older files are not read (transformers 5, tokenization_utils_base.py,
 * `_from_pretrained`).
 */
export function tokenFields({ config, specialTokensMap }: Omit<DeclaringFiles, 'addedTokens'>): JsonObject {
  return isJsonObject(config.added_tokens_decoder) ? config : { ...config, ...specialTokensMap };
}

/**
 * The tokens to add to `base`, each with its id: that of the vocabulary where it has the content, else the next free one.
 * First those of added_tokens.json or `added_tokens_decoder` in the order of the ids they state, then named special tokens,
 * then `additional_special_tokens` (`extra_special_tokens` by its newer name).
 *
 * A token that no file gives an id and that the embeddings have no row for is none: in Python, too, the model cannot read it.
 *
 * @param ids of the model's vocabulary
 * @param base added tokens that are there already
 * @param rows of the embeddings; Infinity: nobody knows
 */
export function declaredTokens(
  files: DeclaringFiles,
  ids: ReadonlyMap<string, number>,
  base: readonly AddedTokenJson[],
  rows = Infinity,
): AddedTokenJson[] {
  const vocabularySize = [...ids.values()].reduce((size, id) => Math.max(size, id + 1), 0);
  const known = new Set(base.map(({ content }) => content));
  let next = base.reduce((free, { id }) => Math.max(free, id + 1), vocabularySize);
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

/** Those that a file gives an id, and those that are only named. */
function declared(
  files: DeclaringFiles,
  ids: ReadonlyMap<string, number>,
): { readonly listed: readonly DeclaredToken[]; readonly named: readonly DeclaredToken[] } {
  const { config } = files;
  const fields = tokenFields(files);
  const extra = extraTokens(files);
  const named = NAMED.flatMap((name) => specialToken(fields[name]));
  const listed = isJsonObject(config.added_tokens_decoder)
    ? listedTokens(config.added_tokens_decoder)
    : olderTokens(files.addedTokens, new Set([...named, ...extraOf(config)].map(({ content }) => content)));
  // A name for a token that the vocabulary lacks is of no consequence: no text is likely to hold it.
  return { listed, named: [...named.filter(({ content }) => ids.has(content)), ...extra] };
}

/** tokenizer_config.json's `added_tokens_decoder`: id -> token with its flags. */
function listedTokens(decoder: JsonObject): DeclaredToken[] {
  return inOrder(
    Object.entries(decoder).flatMap(([key, token]) =>
      isJsonObject(token) && typeof token.content === 'string' && token.content !== ''
        ? [[Number(key), { ...token, content: token.content }] as const]
        : [],
    ),
  );
}

/** added_tokens.json: token -> id; a token is special if another file names it so, else it is normalised as the text is. */
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

/** Special tokens beyond the named ones. tokenizer_config.json's list wins; the map's newer field is added to it. */
function extraTokens({ config, specialTokensMap }: DeclaringFiles): DeclaredToken[] {
  const own = extraOf(config);
  if (isJsonObject(config.added_tokens_decoder)) return own;
  const newer = specialTokens(specialTokensMap.extra_special_tokens);
  if (own.length > 0 || newer.length > 0) return [...own, ...newer];
  return specialTokens(specialTokensMap.additional_special_tokens);
}

/** Also fields of a model's own, such as `image_token`. */
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

/** Matched in the text as it stands, unless its own flags say otherwise. */
function specialToken(value: unknown): DeclaredToken[] {
  const token = isJsonObject(value) ? value : { content: value };
  const { content } = token;
  return typeof content === 'string' && content !== '' ? [{ normalized: false, ...token, content, special: true }] : [];
}
