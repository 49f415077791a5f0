import { cleanAligned, cleanText, type CleanOperation } from '../base/cleanText';
import { MedTextError, words } from '../base/errors';
import { textOfValue } from '../base/plainText';
import { FileWatch } from '../base/fileWatch';
import { declaredTokens, type DeclaringFiles } from './declaredTokens';
import { readPipeline } from './pipeline';
import type { Pipeline, TextTokens } from './textTokens';
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
import { checkTokenizerJson, isJsonObject, jsonObject, type JsonObject, type TokenizerJson } from './tokenizerJson';
import { longestFirst } from './truncation';
import { readVocabulary, type Vocabulary } from './vocabulary';
import { vocabularyToTokenizerJson } from './vocabularyToTokenizerJson';

/**
 * The tokenizer files of a model folder, as text or (for JSON) parsed. Either `vocabTxt` or `tokenizerJson` is needed.
 */
export interface TokenizerFiles {
  readonly vocabTxt?: string;
  readonly tokenizerJson?: string | JsonObject;
  readonly tokenizerConfig?: string | JsonObject;
  readonly specialTokensMap?: string | JsonObject;
  readonly addedTokens?: string | JsonObject;
  /** Lowers the case of texts before every other step, as sentence-transformers' `do_lower_case` does. */
  readonly lowerCase?: boolean;
  /** Cleaning operations before every other step. Ranges of tokens refer to the texts before cleaning. */
  readonly clean?: readonly CleanOperation[];
  /** Rows of the encoder's word embeddings. Named tokens without an id in a file are left out beyond them. */
  readonly vocabSize?: number;
  /** Token types of the encoder. With one type, both texts of a pair are of type 0. */
  readonly typeVocabSize?: number;
}

/** A text, or a pair of texts to be compared. An empty `b` still makes a pair. */
export interface TextPair {
  readonly a: string;
  readonly b?: string;
}

/** One example in token ids, without padding. */
export interface EncodedExample {
  /** [length] */
  readonly inputIds: Int32Array;
  /** [length] 0 for the first text, 1 for the second; always 0 in RoBERTa. */
  readonly tokenTypeIds: Int32Array;
  readonly length: number;
  /** Whether tokens were cut off to fit the maximum length. */
  readonly truncated: boolean;
}

/** Ids with special tokens around them. */
export interface SpecialTokenFrame {
  readonly encoded: EncodedExample;
  /** The place of the first text's first token. */
  readonly startA: number;
  readonly startB: number;
}

/** An encoded example with the origin of each token. */
export interface AlignedExample extends EncodedExample {
  /** [length] The text of each token: 0 the first, 1 the second, -1 a special token. */
  readonly textIndex: Int8Array;
  /** [length] Where the token's characters begin, in UTF-16 units of the token's own text; 0 for special tokens. */
  readonly starts: Int32Array;
  /** [length] Where the token's characters end, exclusive. */
  readonly ends: Int32Array;
}

/**
 * Makes the tokenizer of a model folder. It reads `tokenizer.json` where there is one, else `vocab.txt` as
 * transformers' BertTokenizer does. As in Python, the fields of tokenizer_config.json on case, accents and Chinese
 * characters override tokenizer.json. A BERT `tokenizer_class` without these fields stands for their defaults. A RoBERTa's
 * `add_prefix_space` overrides tokenizer.json, too.
 *
 * Ids equal those of Python's BertTokenizer (transformers 5, `tokenizers` 0.23). The function reads no file and uses no
 * network.
 *
 * @param where the model folder, for messages
 * @throws MedTextError TOKENIZER when files are missing or broken, UNSUPPORTED for an unknown kind of tokenizer.
 */
export function loadTokenizer(files: TokenizerFiles, where: string): Tokenizer {
  return new FileWatch('text', where, 0).during(() => tokenizerOf(files, where));
}

function tokenizerOf(files: TokenizerFiles, where: string): Tokenizer {
  const config = jsonObject(files.tokenizerConfig ?? {}, where, 'tokenizer_config.json');
  const specialTokensMap = jsonObject(files.specialTokensMap ?? {}, where, 'special_tokens_map.json');
  const addedTokens = jsonObject(files.addedTokens ?? {}, where, 'added_tokens.json');
  const declaring = { config, specialTokensMap, addedTokens };
  const lowering = (json: TokenizerJson) => (files.lowerCase ? lowered(json) : json);
  if (files.tokenizerJson !== undefined) {
    const json = checkTokenizerJson(jsonObject(files.tokenizerJson, where, 'tokenizer.json'), where);
    const vocabulary = readVocabulary(json, where);
    const adjusted = lowering(withConfig(json, declaring, vocabulary, files.vocabSize));
    return new Tokenizer(adjusted, declaring, where, files, vocabulary);
  }
  if (files.vocabTxt !== undefined) {
    const json = vocabularyToTokenizerJson(files.vocabTxt, declaring, where, files.vocabSize);
    return new Tokenizer(lowering(json), declaring, where, files);
  }
  throw new MedTextError(
    'TOKENIZER',
    words`${where} has neither tokenizer.json nor vocab.txt. Copy one from where the model came from.`,
    {
      where,
    },
  );
}

/** Turns text into token ids and ids into text. {@link loadTokenizer} makes it. */
export class Tokenizer {
  /** The largest token id plus one: the number of rows that the word embedding needs. */
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  readonly specialIds: Readonly<Record<SpecialTokenName, number | undefined>>;
  readonly padTokenId: number;
  /** `model_max_length` of tokenizer_config.json. Undefined where the file has none. */
  readonly modelMaxLength: number | undefined;

  private readonly vocabulary: Vocabulary;
  /** Added tokens, which override the vocabulary's. */
  private readonly addedIds: ReadonlyMap<string, number>;
  private readonly addedTokens: ReadonlyMap<number, string>;
  private readonly template: SpecialTokensTemplate;
  private readonly pipeline: Pipeline;
  /** Whether a text that is too long keeps its end instead of its beginning. */
  private readonly keepsEnd: boolean;

  constructor(
    json: TokenizerJson,
    files: DeclaringFiles,
    where: string,
    { typeVocabSize = 0, clean = [] }: Pick<TokenizerFiles, 'typeVocabSize' | 'clean'> = {},
    vocabulary: Vocabulary = readVocabulary(json, where),
  ) {
    const { config, specialTokensMap } = files;
    this.vocabulary = vocabulary;
    this.addedIds = new Map(json.added_tokens.map(({ content, id }) => [content, id]));
    this.addedTokens = new Map(json.added_tokens.map(({ content, id }) => [id, content]));
    this.vocabSize = json.added_tokens.reduce((size, { id }) => Math.max(size, id + 1), vocabulary.tokens.length);

    this.specialTokens = this.findSpecialTokens(config, specialTokensMap);
    this.specialIds = {
      cls: this.tokenId(this.specialTokens.cls),
      sep: this.tokenId(this.specialTokens.sep),
      pad: this.tokenId(this.specialTokens.pad),
      unk: this.tokenId(this.specialTokens.unk),
      mask: this.tokenId(this.specialTokens.mask),
    };
    const { cls, sep, pad } = this.specialIds;
    if (pad === undefined) throw this.missingToken('pad', where);
    this.padTokenId = pad;
    const template = specialTokensTemplate(json.post_processor, where);
    if (!template && cls === undefined) throw this.missingToken('cls', where);
    if (!template && sep === undefined) throw this.missingToken('sep', where);
    this.template = withinTypes(template ?? bertTemplate(cls!, sep!), typeVocabSize, where);

    const maxLength = config.model_max_length;
    // Python writes 1e30 for a length that is not known.
    this.modelMaxLength = typeof maxLength === 'number' && maxLength > 0 && maxLength < 1e9 ? maxLength : undefined;
    this.keepsEnd = truncatesLeft(json, config);
    this.pipeline = watched(cleaning(readPipeline(json, vocabulary, where), clean), where);
  }

  /**
   * Encodes `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]` when there is a second text. Texts are truncated longest-first
   * to `maxLength` tokens, at the side that the folder's files give.
   *
   * @param maxLength number of tokens, special ones included; Infinity for no limit
   * @throws MedTextError TOKENIZER when the special tokens alone do not fit.
   */
  encodePair(a: string, b: string | undefined, maxLength: number): EncodedExample {
    const budget = this.tokenBudget(b !== undefined, maxLength);
    const limit = this.keepsEnd ? Infinity : budget;
    const idsA = this.pipeline.ids(a, limit);
    const idsB = b === undefined ? [] : this.pipeline.ids(b, limit);
    const [keepA, keepB] = this.keptTokens(a, b, idsA.length, idsB.length, budget);
    const kept = (ids: readonly number[], keep: number) => {
      const from = this.firstKept(ids.length, keep);
      return keep < ids.length ? ids.slice(from, from + keep) : ids;
    };
    const { encoded } = this.framed(kept(idsA, keepA), b === undefined ? undefined : kept(idsB, keepB));
    return { ...encoded, truncated: keepA < idsA.length || keepB < idsB.length };
  }

  /** Puts special tokens around the ids of one text or two, and gives the place where each text begins. */
  framed(a: ArrayLike<number>, b?: ArrayLike<number>): SpecialTokenFrame {
    const pieces = b === undefined ? this.template.single : this.template.pair;
    const length = a.length + (b?.length ?? 0) + this.specialTokenCount(b !== undefined);
    const inputIds = new Int32Array(length);
    const tokenTypeIds = new Int32Array(length);
    const starts = { a: 0, b: 0 };
    let at = 0;
    for (const piece of pieces) {
      const start = at;
      if ('tokenId' in piece) {
        inputIds[at++] = piece.tokenId;
      } else {
        const ids = piece.text === 'a' ? a : b!;
        starts[piece.text] = start;
        inputIds.set(ids, at);
        at += ids.length;
      }
      if (piece.typeId !== 0) tokenTypeIds.fill(piece.typeId, start, at);
    }
    return { encoded: { inputIds, tokenTypeIds, length, truncated: false }, startA: starts.a, startB: starts.b };
  }

  /**
   * {@link encodePair}, and for each token its text and the characters of that text that it stands for. The alignment
   * through the normaliser is our own. Ranges of a text never go backwards or overlap, and have no white space at their
   * ends. A token without a character of its own has an empty range.
   *
   * @throws MedTextError TOKENIZER when the special tokens alone do not fit.
   */
  encodeWithOffsets(a: string, b: string | undefined, maxLength: number): AlignedExample {
    const pieces = b === undefined ? this.template.single : this.template.pair;
    const budget = this.tokenBudget(b !== undefined, maxLength);
    const limit = this.keepsEnd ? Infinity : budget;
    const tokensA = this.pipeline.tokens(a, limit);
    const tokensB: TextTokens = b === undefined ? { ids: [], starts: [], ends: [] } : this.pipeline.tokens(b, limit);
    const [keepA, keepB] = this.keptTokens(a, b, tokensA.ids.length, tokensB.ids.length, budget);
    const length = keepA + keepB + this.specialTokenCount(b !== undefined);
    const example = {
      inputIds: new Int32Array(length),
      tokenTypeIds: new Int32Array(length),
      textIndex: new Int8Array(length).fill(-1),
      starts: new Int32Array(length),
      ends: new Int32Array(length),
    };
    let at = 0;
    for (const piece of pieces) {
      const start = at;
      if ('tokenId' in piece) {
        example.inputIds[at++] = piece.tokenId;
      } else {
        const [tokens, keep] = piece.text === 'a' ? [tokensA, keepA] : [tokensB, keepB];
        example.textIndex.fill(piece.text === 'a' ? 0 : 1, at, at + keep);
        const from = this.firstKept(tokens.ids.length, keep);
        for (let i = from; i < from + keep; i++, at++) {
          example.inputIds[at] = tokens.ids[i];
          example.starts[at] = tokens.starts[i];
          example.ends[at] = tokens.ends[i];
        }
      }
      example.tokenTypeIds.fill(piece.typeId, start, at);
    }
    return { ...example, length, truncated: keepA < tokensA.ids.length || keepB < tokensB.ids.length };
  }

  /**
   * {@link encodePair} of every pair in order. The function yields to the event loop every few hundredths of a second.
   *
   * @param onProgress called from time to time with the number of pairs done, and at the end
   * @throws MedTextError CANCELLED when `signal` is aborted.
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

  /** The text's tokens, without special tokens: `糖`, `尿`, `病`, `5m`, `##g`. */
  tokens(text: string): string[] {
    return this.pipeline.ids(text, Infinity).map((id) => this.tokenText(id));
  }

  /** The ids of the text's tokens, without special tokens. */
  ids(text: string): number[] {
    return this.pipeline.ids(text, Infinity);
  }

  /**
   * The ids of the text's tokens, without special tokens, with their ranges as {@link encodeWithOffsets} gives them.
   */
  idsWithOffsets(text: string): TextTokens {
    return this.pipeline.tokens(text, Infinity);
  }

  /** The number of the text's tokens, without special tokens. */
  countTokens(text: string): number {
    return this.pipeline.ids(text, Infinity).length;
  }

  /** The number of special tokens around a text or a pair. */
  specialTokenCount(pair: boolean): number {
    return pair ? this.template.pair.length - 2 : this.template.single.length - 1;
  }

  /** The id of a token as the vocabulary writes it. Undefined for a token that is not there. */
  tokenId(token: string): number | undefined {
    return this.addedIds.get(token) ?? this.vocabulary.ids.get(token);
  }

  /** The token of an id as the vocabulary writes it. The unknown token for an id that is not there. */
  tokenText(id: number): string {
    return this.addedTokens.get(id) ?? this.vocabulary.tokens[id] ?? this.specialTokens.unk;
  }

  /** The number of tokens that texts may have beside the special tokens. */
  private tokenBudget(pair: boolean, maxLength: number): number {
    const special = this.specialTokenCount(pair);
    if (maxLength >= special) return maxLength - special;
    throw new MedTextError(
      'TOKENIZER',
      words`A maximum length of ${maxLength} has no room for the ${special} special tokens. Raise max_length.`,
      { maxLength },
    );
  }

  /**
   * How many tokens each text keeps. Lengths above the budget may be too small, because counting stops there. For an
   * odd budget the longer text gets the odd token, so both texts are counted further.
   */
  private keptTokens(
    a: string,
    b: string | undefined,
    lengthA: number,
    lengthB: number,
    budget: number,
  ): [number, number] {
    for (let limit = budget; b !== undefined && budget % 2 === 1 && lengthA > limit && lengthB > limit;) {
      limit *= 16;
      lengthA = this.pipeline.ids(a, limit).length;
      lengthB = this.pipeline.ids(b, limit).length;
    }
    return longestFirst(lengthA, lengthB, budget);
  }

  private firstKept(length: number, keep: number): number {
    return this.keepsEnd ? length - keep : 0;
  }

  private findSpecialTokens(config: JsonObject, specialTokensMap: JsonObject): SpecialTokens {
    const robertaSpecialTokens: SpecialTokens = { cls: '<s>', sep: '</s>', pad: '<pad>', unk: '<unk>', mask: '<mask>' };
    const named = namedSpecialTokens(config, specialTokensMap);
    const has = (token: string) => this.tokenId(token) !== undefined;
    const usual = has(bertSpecialTokens.cls) || !has(robertaSpecialTokens.cls);
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

/** Whether texts are cut at their beginning. tokenizer_config.json overrides tokenizer.json, as in transformers. */
function truncatesLeft({ truncation }: TokenizerJson, { truncation_side: side }: JsonObject): boolean {
  return side === undefined ? isJsonObject(truncation) && truncation.direction === 'Left' : side === 'left';
}

/** tokenizer.json as Python uses it, with the normaliser's options and the added tokens of the files beside it. */
function withConfig(json: TokenizerJson, files: DeclaringFiles, vocabulary: Vocabulary, rows?: number): TokenizerJson {
  const { config } = files;
  const added = [...json.added_tokens, ...declaredTokens(files, vocabulary, json.added_tokens, rows)];
  if (json.normalizer?.type !== 'BertNormalizer') return { ...withPrefixSpace(json, config), added_tokens: added };
  const bertDefaults = /^Bert/.test(textOfValue(config.tokenizer_class))
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

/** tokenizer.json with the `add_prefix_space` of a RoBERTa's tokenizer_config.json, false where the field is absent. */
function withPrefixSpace(json: TokenizerJson, config: JsonObject): TokenizerJson {
  const { pre_tokenizer: preTokenizer } = json;
  if (preTokenizer?.type !== 'ByteLevel' || !/^Roberta/.test(textOfValue(config.tokenizer_class))) return json;
  return { ...json, pre_tokenizer: { ...preTokenizer, add_prefix_space: config.add_prefix_space === true } };
}

/**
 * tokenizer.json with lower case before the normaliser's own steps. BERT's normaliser still keeps the accents that it
 * would have kept.
 */
function lowered(json: TokenizerJson): TokenizerJson {
  const { normalizer } = json;
  if (normalizer?.type === 'BertNormalizer') {
    const { strip_accents: strips, lowercase } = normalizer;
    return { ...json, normalizer: { ...normalizer, lowercase: true, strip_accents: strips ?? lowercase } };
  }
  const steps = normalizer?.type === 'Sequence' ? (normalizer.normalizers as JsonObject[]) : normalizer ? [normalizer] : []; // prettier-ignore
  return { ...json, normalizer: { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, ...steps] } };
}

/** The pipeline after cleaning. Ranges refer to the text before it was cleaned. */
function cleaning(pipeline: Pipeline, operations: readonly CleanOperation[]): Pipeline {
  if (operations.length === 0) return pipeline;
  return {
    ids: (text, limit) => pipeline.ids(cleanText(text, operations), limit),
    tokens(text, limit) {
      const cleaned = cleanAligned(text, operations);
      const { ids, starts, ends } = pipeline.tokens(cleaned.text, limit);
      let before = 0;
      for (let at = 0; at < ids.length; at++) {
        const { start, end } = cleaned.original(starts[at], ends[at]);
        // Several tokens may share one HTML reference; it belongs to the first of them.
        starts[at] = Math.max(start, before);
        before = ends[at] = Math.max(end, starts[at]);
      }
      return { ids, starts, ends };
    },
  };
}

/**
 * The pipeline with a time budget for each text, because a tokenizer.json may hold expressions that match for hours.
 */
function watched({ ids, tokens }: Pipeline, where: string): Pipeline {
  const watch = new FileWatch('tokens', where, 0, true);
  return {
    ids: (text, limit) => watch.during(() => ids(text, limit)),
    tokens: (text, limit) => watch.during(() => tokens(text, limit)),
  };
}
