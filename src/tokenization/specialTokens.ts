import { MedTextError, words } from '../base/errors';
import { textOfValue } from '../base/plainText';
import { tokenFields } from './declaredTokens';
import { isJsonObject, isTokenId, type JsonObject, type TokenizerJson } from './tokenizerJson';

export type SpecialTokenName = 'cls' | 'sep' | 'pad' | 'unk' | 'mask';

/** BERT's special tokens. RoBERTa's files name their own (`<s>`, `</s>`, ...) in tokenizer_config.json. */
export type SpecialTokens = Readonly<Record<SpecialTokenName, string>>;

export const bertSpecialTokens: SpecialTokens = {
  cls: '[CLS]',
  sep: '[SEP]',
  pad: '[PAD]',
  unk: '[UNK]',
  mask: '[MASK]',
};

/** The special tokens that the two files name. {@link tokenFields} gives the precedence. */
export function namedSpecialTokens(config: JsonObject, specialTokensMap: JsonObject): Partial<SpecialTokens> {
  const named: Partial<Record<SpecialTokenName, string>> = {};
  const fields = tokenFields({ config, specialTokensMap });
  for (const name of Object.keys(bertSpecialTokens) as SpecialTokenName[]) {
    const text = tokenText(fields[`${name}_token`]);
    if (text !== undefined) named[name] = text;
  }
  return named;
}

/** tokenizer_config.json's fields (`pad_token`, ...) for the special tokens that the tokenizer has. */
export function specialTokenFields(
  { added_tokens: tokens }: TokenizerJson,
  tokenizerConfig: JsonObject,
  specialTokensMap: JsonObject,
): Record<string, string> {
  const named = { ...bertSpecialTokens, ...namedSpecialTokens(tokenizerConfig, specialTokensMap) };
  const known = Object.entries(named).filter(([, text]) => tokens.some(({ content }) => content === text));
  return Object.fromEntries(known.map(([name, text]) => [`${name}_token`, text]));
}

function tokenText(value: unknown): string | undefined {
  const text = isJsonObject(value) ? value.content : value;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** One piece of an encoded example: a special token, or the ids of the first or second text, with its token type. */
export type TemplatePiece =
  { readonly tokenId: number; readonly typeId: number } | { readonly text: 'a' | 'b'; readonly typeId: number };

/** How special tokens and texts are put together, such as `[CLS] a [SEP]` and `[CLS] a [SEP] b [SEP]`. */
export interface SpecialTokensTemplate {
  readonly single: readonly TemplatePiece[];
  readonly pair: readonly TemplatePiece[];
}

/**
 * The template that a tokenizer.json's post-processor describes. Undefined when it describes none; texts would then
 * have no special tokens around them.
 *
 * @throws MedTextError TOKENIZER when the post-processor is broken, UNSUPPORTED when it is of an unknown kind.
 */
export function specialTokensTemplate(
  processor: TokenizerJson['post_processor'],
  where: string,
): SpecialTokensTemplate | undefined {
  if (processor === null) return undefined;
  switch (processor.type) {
    case 'TemplateProcessing':
      return {
        single: templatePieces(processor, 'single', where),
        pair: templatePieces(processor, 'pair', where),
      };
    case 'BertProcessing':
      return bertTemplate(pairedId(processor, 'cls', where), pairedId(processor, 'sep', where));
    case 'RobertaProcessing':
      return robertaTemplate(pairedId(processor, 'cls', where), pairedId(processor, 'sep', where));
    case 'ByteLevel':
      return undefined;
    case 'Sequence':
      for (const inner of Array.isArray(processor.processors) ? processor.processors : []) {
        const template = specialTokensTemplate(inner, where);
        if (template) return template;
      }
      return undefined;
    default:
      throw new MedTextError(
        'UNSUPPORTED',
        words`${where}: tokenizer.json's post-processor "${processor.type}" is not supported.`,
        {
          where,
          postProcessor: processor.type,
        },
      );
  }
}

/**
 * The template for an encoder with `types` token types; 0 where the number is not known. An encoder with one type gets
 * type 0 everywhere, because its training passed no types.
 * @throws MedTextError TOKENIZER for a type that an encoder with several types lacks.
 */
export function withinTypes(template: SpecialTokensTemplate, types: number, where: string): SpecialTokensTemplate {
  const pieces = [...template.single, ...template.pair];
  const highest = Math.max(...pieces.map(({ typeId }) => typeId));
  if (types === 0 || highest < types) return template;
  if (types > 1) {
    throw new MedTextError(
      'TOKENIZER',
      words`${where}: tokenizer.json gives tokens the type ${highest}, but config.json's type_vocab_size is ${types}. They do not belong to the same model.`,
      { where, typeId: highest },
    );
  }
  const zero = (piece: TemplatePiece): TemplatePiece => ({ ...piece, typeId: 0 });
  return { single: template.single.map(zero), pair: template.pair.map(zero) };
}

/** The template `[CLS] a [SEP]` and `[CLS] a [SEP] b [SEP]`. The second text and the `[SEP]` after it are of type 1. */
export function bertTemplate(cls: number, sep: number): SpecialTokensTemplate {
  const single: TemplatePiece[] = [
    { tokenId: cls, typeId: 0 },
    { text: 'a', typeId: 0 },
    { tokenId: sep, typeId: 0 },
  ];
  return { single, pair: [...single, { text: 'b', typeId: 1 }, { tokenId: sep, typeId: 1 }] };
}

/** The template `<s> a </s>` and `<s> a </s> </s> b </s>`. All tokens are of type 0. */
function robertaTemplate(cls: number, sep: number): SpecialTokensTemplate {
  const end: TemplatePiece = { tokenId: sep, typeId: 0 };
  const single: TemplatePiece[] = [{ tokenId: cls, typeId: 0 }, { text: 'a', typeId: 0 }, end];
  return { single, pair: [...single, end, { text: 'b', typeId: 0 }, end] };
}

function templatePieces(processor: JsonObject, form: 'single' | 'pair', where: string): TemplatePiece[] {
  const pieces = processor[form];
  const specials = isJsonObject(processor.special_tokens) ? processor.special_tokens : {};
  if (!Array.isArray(pieces)) throw brokenTemplate(where, form);
  const template = pieces.flatMap((piece: unknown): TemplatePiece[] => {
    const special = isJsonObject(piece) && isJsonObject(piece.SpecialToken) ? piece.SpecialToken : undefined;
    const sequence = isJsonObject(piece) && isJsonObject(piece.Sequence) ? piece.Sequence : undefined;
    const typeId = (special ?? sequence)?.type_id;
    if (!isTokenId(typeId)) throw brokenTemplate(where, form);
    if (sequence) {
      if (sequence.id !== 'A' && sequence.id !== 'B') throw brokenTemplate(where, form);
      return [{ text: sequence.id === 'A' ? 'a' : 'b', typeId }];
    }
    const definition = specials[textOfValue(special!.id)];
    const ids = isJsonObject(definition) && Array.isArray(definition.ids) ? definition.ids : [];
    if (ids.length === 0 || !ids.every(isTokenId)) throw brokenTemplate(where, form);
    return ids.map((tokenId) => ({ tokenId, typeId }));
  });
  const texts = template.map((piece) => ('text' in piece ? piece.text : '')).join('');
  if (texts !== (form === 'single' ? 'a' : 'ab')) throw brokenTemplate(where, form);
  return template;
}

function pairedId(processor: JsonObject, key: 'cls' | 'sep', where: string): number {
  const value = processor[key];
  const id: unknown = Array.isArray(value) ? value[1] : undefined;
  if (!isTokenId(id)) throw brokenTemplate(where, key);
  return id;
}

function brokenTemplate(where: string, part: string): MedTextError {
  return new MedTextError(
    'TOKENIZER',
    words`${where}: tokenizer.json is broken: "post_processor.${part}" does not describe how texts and special tokens are put together. Copy the file again.`,
    {
      where,
      part: `post_processor.${part}`,
    },
  );
}
