import { PreTrainedTokenizer } from '@huggingface/transformers';
import { MedTextError, words } from '../base/errors';
import { AddedTokenSplitter } from './addedTokens';
import { bertNormalize, bertSplit, type BertNormalizerOptions } from './bertWords';
import { declaredTokens, type DeclaringFiles } from './declaredTokens';
import {
  bertSpecialTokens,
  bertTemplate,
  namedSpecialTokens,
  specialTokensTemplate,
  withinTypes,
  type SpecialTokenName,
  type SpecialTokens,
  type SpecialTokensTemplate,
} from './specialTokens';
import {
  checkTokenizerJson,
  jsonObject,
  type AddedTokenJson,
  type JsonObject,
  type TokenizerJson,
} from './tokenizerJson';
import { longestFirst } from './truncation';
import { vocabularyToTokenizerJson } from './vocabularyToTokenizerJson';
import { wordPieceEncoder } from './wordPiece';

/** The tokenizer files of a model folder, as text or (for JSON) parsed. Either `vocabTxt` or `tokenizerJson` is needed. */
export interface TokenizerFiles {
  readonly vocabTxt?: string;
  readonly tokenizerJson?: string | JsonObject;
  readonly tokenizerConfig?: string | JsonObject;
  readonly specialTokensMap?: string | JsonObject;
  readonly addedTokens?: string | JsonObject;
  /** Lowers texts before all else, as sentence-transformers' `do_lower_case` does. */
  readonly lowerCase?: boolean;
  /** Rows of the encoder's word embeddings: tokens beyond them that are only named are left out. */
  readonly vocabSize?: number;
  /** Token types that the encoder has: of one, both texts of a pair are of type 0. */
  readonly typeVocabSize?: number;
}

/** A text, or a pair of texts to be compared. An empty `b` is a pair all the same. */
export interface TextPair {
  readonly a: string;
  readonly b?: string;
}

/** One example in token ids, without padding. */
export interface EncodedExample {
  /** [length] */
  readonly inputIds: Int32Array;
  /** [length] 0 for the first text, 1 for the second (always 0 in RoBERTa) */
  readonly tokenTypeIds: Int32Array;
  readonly length: number;
  /** Whether tokens were cut off to fit the maximum length. */
  readonly truncated: boolean;
}

/**
 * Makes the tokenizer of a model folder. `tokenizer.json` is used where there is one, else `vocab.txt` as
 * `transformers`' BertTokenizer reads it. As in Python, what tokenizer_config.json says on lower-casing, accents and
 * Chinese characters overrides tokenizer.json; a `tokenizer_class` of BERT's counts as saying the defaults.
 *
 * Ids equal those of Python's BertTokenizer (transformers 5, `tokenizers` 0.23). Reads no file and no network.
 *
 * @param where the model folder, for messages
 * @throws MedTextError TOKENIZER when files are missing or broken, UNSUPPORTED for kinds of tokenizer not known here.
 */
export function loadTokenizer(files: TokenizerFiles, where: string): Tokenizer {
  const config = jsonObject(files.tokenizerConfig ?? {}, where, 'tokenizer_config.json');
  const specialTokensMap = jsonObject(files.specialTokensMap ?? {}, where, 'special_tokens_map.json');
  const addedTokens = jsonObject(files.addedTokens ?? {}, where, 'added_tokens.json');
  const declaring = { config, specialTokensMap, addedTokens };
  const lowering = (json: TokenizerJson) => (files.lowerCase ? lowered(json) : json);
  if (files.tokenizerJson !== undefined) {
    const json = checkTokenizerJson(jsonObject(files.tokenizerJson, where, 'tokenizer.json'), where);
    return new Tokenizer(lowering(withConfig(json, declaring, files.vocabSize)), declaring, where, files.typeVocabSize);
  }
  if (files.vocabTxt !== undefined) {
    const json = vocabularyToTokenizerJson(files.vocabTxt, declaring, where, files.vocabSize);
    return new Tokenizer(lowering(json), declaring, where, files.typeVocabSize);
  }
  throw new MedTextError(
    'TOKENIZER',
    words`${where} has neither tokenizer.json nor vocab.txt. Copy one from where the model came from.`,
    {
      where,
    },
  );
}

/** Text to token ids and back; made by {@link loadTokenizer}. */
export class Tokenizer {
  /** One more than the largest token id: the rows that the word embedding needs. */
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  readonly specialIds: Readonly<Record<SpecialTokenName, number | undefined>>;
  readonly padTokenId: number;
  /** `model_max_length` of tokenizer_config.json, where it says one. */
  readonly modelMaxLength: number | undefined;

  private readonly tokenOfId: readonly (string | undefined)[];
  private readonly idOfToken: ReadonlyMap<string, number>;
  private readonly template: SpecialTokensTemplate;
  /** The ids of a text without special tokens; may stop once there are more than `limit`. */
  private readonly textIds: (text: string, limit: number) => number[];

  constructor(json: TokenizerJson, files: DeclaringFiles, where: string, typeVocabSize = 0) {
    const { config, specialTokensMap } = files;
    this.idOfToken = vocabularyOf(json);
    const tokenOfId: (string | undefined)[] = [];
    for (const [token, id] of this.idOfToken) tokenOfId[id] = token;
    this.tokenOfId = tokenOfId;
    this.vocabSize = tokenOfId.length;

    this.specialTokens = this.findSpecialTokens(config, specialTokensMap);
    this.specialIds = {
      cls: this.idOfToken.get(this.specialTokens.cls),
      sep: this.idOfToken.get(this.specialTokens.sep),
      pad: this.idOfToken.get(this.specialTokens.pad),
      unk: this.idOfToken.get(this.specialTokens.unk),
      mask: this.idOfToken.get(this.specialTokens.mask),
    };
    const { cls, sep, pad } = this.specialIds;
    if (pad === undefined) throw this.missingToken('pad', where);
    this.padTokenId = pad;
    const template = specialTokensTemplate(json.post_processor, where);
    if (!template && cls === undefined) throw this.missingToken('cls', where);
    if (!template && sep === undefined) throw this.missingToken('sep', where);
    this.template = withinTypes(template ?? bertTemplate(cls!, sep!), typeVocabSize, where);

    const maxLength = config.model_max_length;
    // Python writes 1e30 for "not known".
    this.modelMaxLength = typeof maxLength === 'number' && maxLength > 0 && maxLength < 1e9 ? maxLength : undefined;
    this.textIds = isBertPipeline(json) ? bertTextIds(json, where) : libraryTextIds(json, config, where);
  }

  /**
   * `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]` when there is a second text, cut longest-first to `maxLength` tokens.
   *
   * @param maxLength tokens with the special ones; Infinity for all
   * @throws MedTextError TOKENIZER when the special tokens alone do not fit.
   */
  encodePair(a: string, b: string | undefined, maxLength: number): EncodedExample {
    const pieces = b === undefined ? this.template.single : this.template.pair;
    const budget = maxLength - this.specialTokenCount(b !== undefined);
    if (!(budget >= 0)) {
      throw new MedTextError(
        'TOKENIZER',
        words`A maximum length of ${maxLength} has no room for the ${pieces.length - (b === undefined ? 1 : 2)} special tokens. Raise max_length.`,
        {
          maxLength,
        },
      );
    }
    const idsA = this.textIds(a, budget);
    const idsB = b === undefined ? [] : this.textIds(b, budget);
    const [keepA, keepB] = this.keptTokens(a, b, idsA.length, idsB.length, budget);
    const length = keepA + keepB + this.specialTokenCount(b !== undefined);
    const inputIds = new Int32Array(length);
    const tokenTypeIds = new Int32Array(length);
    let at = 0;
    for (const piece of pieces) {
      const start = at;
      if ('tokenId' in piece) {
        inputIds[at++] = piece.tokenId;
      } else {
        const [ids, keep] = piece.text === 'a' ? [idsA, keepA] : [idsB, keepB];
        for (let i = 0; i < keep; i++) inputIds[at++] = ids[i];
      }
      if (piece.typeId !== 0) tokenTypeIds.fill(piece.typeId, start, at);
    }
    return { inputIds, tokenTypeIds, length, truncated: keepA < idsA.length || keepB < idsB.length };
  }

  /**
   * {@link encodePair} of every pair in order, giving way to the event loop every few hundredths of a second.
   *
   * @param onProgress called now and then with the number of pairs done, and at the end
   * @throws MedTextError CANCELLED when `signal` says so.
   */
  async encodeAll(
    pairs: readonly TextPair[],
    maxLength: number,
    onProgress?: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<EncodedExample[]> {
    const encoded: EncodedExample[] = [];
    let restedAt = performance.now();
    for (const { a, b } of pairs) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', 'Tokenization was cancelled.', { done: encoded.length });
      encoded.push(this.encodePair(a, b, maxLength));
      if (encoded.length < pairs.length && performance.now() - restedAt > 30) {
        onProgress?.(encoded.length, pairs.length);
        await new Promise((resolve) => setImmediate(resolve));
        restedAt = performance.now();
      }
    }
    onProgress?.(encoded.length, pairs.length);
    return encoded;
  }

  /** The text's tokens, without special ones: `糖`, `尿`, `病`, `5m`, `##g`. */
  tokens(text: string): string[] {
    return this.textIds(text, Infinity).map((id) => this.tokenText(id));
  }

  /** The number of the text's tokens, without special ones. */
  countTokens(text: string): number {
    return this.textIds(text, Infinity).length;
  }

  /** How many special tokens go around a text or a pair. */
  specialTokenCount(pair: boolean): number {
    return pair ? this.template.pair.length - 2 : this.template.single.length - 1;
  }

  /** The id of a token as written in the vocabulary; undefined when it is not there. */
  tokenId(token: string): number | undefined {
    return this.idOfToken.get(token);
  }

  /** A token id as written in the vocabulary; the unknown token for an id that is not there. */
  tokenText(id: number): string {
    return this.tokenOfId[id] ?? this.specialTokens.unk;
  }

  /** Counts beyond the budget may have been cut short; an odd token goes by which text is the longer, so count on. */
  private keptTokens(
    a: string,
    b: string | undefined,
    lengthA: number,
    lengthB: number,
    budget: number,
  ): [number, number] {
    for (let limit = budget; b !== undefined && budget % 2 === 1 && lengthA > limit && lengthB > limit;) {
      limit *= 16;
      lengthA = this.textIds(a, limit).length;
      lengthB = this.textIds(b, limit).length;
    }
    return longestFirst(lengthA, lengthB, budget);
  }

  private findSpecialTokens(config: JsonObject, specialTokensMap: JsonObject): SpecialTokens {
    const robertaSpecialTokens: SpecialTokens = { cls: '<s>', sep: '</s>', pad: '<pad>', unk: '<unk>', mask: '<mask>' };
    const named = namedSpecialTokens(config, specialTokensMap);
    const usual = this.idOfToken.has(bertSpecialTokens.cls) || !this.idOfToken.has(robertaSpecialTokens.cls);
    return { ...(usual ? bertSpecialTokens : robertaSpecialTokens), ...named };
  }

  private missingToken(name: SpecialTokenName, where: string): MedTextError {
    const token = this.specialTokens[name];
    return new MedTextError(
      'TOKENIZER',
      words`${where}: the vocabulary has no ${token} (the ${name} token). Name the model's own as "${name}_token" in tokenizer_config.json.`,
      { where, token },
    );
  }
}

/** tokenizer.json as Python uses it: with the normaliser's options and the added tokens of the files beside it. */
function withConfig(json: TokenizerJson, files: DeclaringFiles, rows?: number): TokenizerJson {
  const { config } = files;
  const ids = vocabularyOf({ ...json, added_tokens: [] });
  const added = [...json.added_tokens, ...declaredTokens(files, ids, json.added_tokens, rows)];
  if (json.normalizer?.type !== 'BertNormalizer') return { ...json, added_tokens: added };
  const bertDefaults = /^Bert/.test(String(config.tokenizer_class))
    ? { handle_chinese_chars: true, strip_accents: null, lowercase: true }
    : {};
  const said = {
    handle_chinese_chars: config.tokenize_chinese_chars,
    strip_accents: config.strip_accents,
    lowercase: config.do_lower_case,
  };
  const explicit = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { ...json, added_tokens: added, normalizer: { ...json.normalizer, ...bertDefaults, ...explicit } };
}

/** With lower case before the normaliser's own steps; BERT's keeps the accents then that it would have kept. */
function lowered(json: TokenizerJson): TokenizerJson {
  const { normalizer } = json;
  if (normalizer?.type === 'BertNormalizer') {
    const { strip_accents: strips, lowercase } = normalizer;
    return { ...json, normalizer: { ...normalizer, lowercase: true, strip_accents: strips ?? lowercase } };
  }
  const steps = normalizer?.type === 'Sequence' ? (normalizer.normalizers as JsonObject[]) : normalizer ? [normalizer] : []; // prettier-ignore
  return { ...json, normalizer: { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...steps] } };
}

/** Token -> id of the model's vocabulary (an object in WordPiece and BPE, `[token, score]` rows in Unigram) and the added tokens. */
function vocabularyOf(json: TokenizerJson): Map<string, number> {
  const vocab = json.model.vocab;
  const ids = Array.isArray(vocab)
    ? new Map<string, number>(vocab.map((row, id) => [String((row as unknown[])[0]), id]))
    : new Map<string, number>(Object.entries(vocab as Record<string, number>));
  for (const token of json.added_tokens) ids.set(token.content, token.id);
  return ids;
}

function isBertPipeline(json: TokenizerJson): boolean {
  return (
    json.normalizer?.type === 'BertNormalizer' &&
    json.pre_tokenizer?.type === 'BertPreTokenizer' &&
    (json.model.type === 'WordPiece' || (json.model.type === undefined && !('merges' in json.model)))
  );
}

/**
 * BERT's pipeline, ours from end to end. The library's differs from Python's for ideographs beyond the basic plane, newer
 * accents and punctuation, final sigma and some white space, and its WordPiece takes half a minute for a megabyte of long
 * words (see wordPiece.ts).
 */
function bertTextIds(json: TokenizerJson, where: string): (text: string, limit: number) => number[] {
  const { vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word } = json.model;
  const ids = new Map(Object.entries(vocab as Record<string, number>));
  const unknownId = typeof unk_token === 'string' ? ids.get(unk_token) : undefined;
  if (unknownId === undefined) {
    throw new MedTextError(
      'TOKENIZER',
      words`${where}: the vocabulary has no ${unk_token ?? words`unknown token`}, which stands for what is not in it. Copy the tokenizer files again.`,
      { where },
    );
  }
  const encodeWord = wordPieceEncoder({
    vocab: ids,
    unknownId,
    continuingPrefix: typeof continuing_subword_prefix === 'string' ? continuing_subword_prefix : '##',
    maxCharactersPerWord: typeof max_input_chars_per_word === 'number' ? max_input_chars_per_word : 100,
  });
  const option = (name: string) => json.normalizer![name];
  const options: BertNormalizerOptions = {
    cleanText: option('clean_text') !== false,
    handleChineseChars: option('handle_chinese_chars') !== false,
    stripAccents: typeof option('strip_accents') === 'boolean' ? (option('strip_accents') as boolean) : null,
    lowercase: option('lowercase') !== false,
  };
  const normalized = (token: AddedTokenJson) => token.normalized ?? !token.special;
  const rawSplitter = new AddedTokenSplitter(
    json.added_tokens.filter((token) => !normalized(token)).map((token) => [token.content, token]),
  );
  const normalizedSplitter = new AddedTokenSplitter(
    json.added_tokens.filter(normalized).map((token) => [bertNormalize(token.content, options), token]),
  );
  return (text, limit) => {
    const ids: number[] = [];
    for (const raw of rawSplitter.split(text)) {
      const parts = typeof raw === 'number' ? [raw] : normalizedSplitter.split(bertNormalize(raw, options));
      for (const part of parts) {
        if (typeof part === 'number') {
          ids.push(part);
          continue;
        }
        for (const word of bertSplit(part)) {
          if (ids.length > limit) return ids;
          for (const id of encodeWord(word)) ids.push(id);
        }
      }
    }
    return ids;
  };
}

/** Any other pipeline (byte-level BPE, Unigram, ...): the library's own. */
function libraryTextIds(json: TokenizerJson, config: JsonObject, where: string): (text: string) => number[] {
  const library = libraryTokenizer({ ...json, post_processor: null }, config, where);
  // Python refuses lone surrogates; they become U+FFFD here, as they do wherever text is written as UTF-8.
  return (text) => library.encode(text.replace(/\p{Cs}/gu, '\uFFFD'), { add_special_tokens: false });
}

function libraryTokenizer(json: TokenizerJson, config: JsonObject, where: string): PreTrainedTokenizer {
  try {
    return new PreTrainedTokenizer(json, config);
  } catch (error) {
    throw new MedTextError(
      'TOKENIZER',
      words`${where}: this tokenizer cannot be used: ${(error as Error).message}.`,
      { where },
      { cause: error },
    );
  }
}
