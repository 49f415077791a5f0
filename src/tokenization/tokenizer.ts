import { MedTextError, words } from '../base/errors';
import { textOfValue } from '../base/plainText';
import { FileWatch } from '../base/fileWatch';
import { declaredTokens, type DeclaringFiles } from './declaredTokens';
import { readPipeline, type Pipeline, type TextTokens } from './pipeline';
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
import { checkTokenizerJson, jsonObject, type JsonObject, type TokenizerJson } from './tokenizerJson';
import { longestFirst } from './truncation';
import { vocabularyToTokenizerJson } from './vocabularyToTokenizerJson';

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

/** Ids with special tokens around them. */
export interface SpecialTokenFrame {
  readonly encoded: EncodedExample;
  /** The places of the texts' first tokens. */
  readonly startA: number;
  readonly startB: number;
}

/** An encoded example that knows where its tokens come from. */
export interface AlignedExample extends EncodedExample {
  /** [length] the text that a token is of: 0 the first, 1 the second, -1 a special token */
  readonly textIndex: Int8Array;
  /** [length] where in its text a token's characters begin, in UTF-16 units from that text's own beginning; 0 for special tokens */
  readonly starts: Int32Array;
  /** [length] where they end, exclusive */
  readonly ends: Int32Array;
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
  private readonly pipeline: Pipeline;

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
    this.pipeline = watched(readPipeline(json, where), where);
  }

  /**
   * `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]` when there is a second text, cut longest-first to `maxLength` tokens.
   *
   * @param maxLength tokens with the special ones; Infinity for all
   * @throws MedTextError TOKENIZER when the special tokens alone do not fit.
   */
  encodePair(a: string, b: string | undefined, maxLength: number): EncodedExample {
    const budget = this.tokenBudget(b !== undefined, maxLength);
    const idsA = this.pipeline.ids(a, budget);
    const idsB = b === undefined ? [] : this.pipeline.ids(b, budget);
    const [keepA, keepB] = this.keptTokens(a, b, idsA.length, idsB.length, budget);
    const kept = (ids: readonly number[], keep: number) => (keep < ids.length ? ids.slice(0, keep) : ids);
    const { encoded } = this.framed(kept(idsA, keepA), b === undefined ? undefined : kept(idsB, keepB));
    return { ...encoded, truncated: keepA < idsA.length || keepB < idsB.length };
  }

  /** Ids of one text, or of two, with the special tokens around them, and where each text begins. */
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
   * {@link encodePair}, and for each token which text it is of and which of that text's characters it stands for: its own
   * alignment through the normaliser. Ranges of a text never go backwards or overlap, and have no white space at their ends;
   * a token that stands for no character, or for one that the token before it has, has an empty range.
   *
   * @throws MedTextError TOKENIZER when the special tokens alone do not fit.
   */
  encodeWithOffsets(a: string, b: string | undefined, maxLength: number): AlignedExample {
    const pieces = b === undefined ? this.template.single : this.template.pair;
    const budget = this.tokenBudget(b !== undefined, maxLength);
    const tokensA = this.pipeline.tokens(a, budget);
    const tokensB: TextTokens = b === undefined ? { ids: [], starts: [], ends: [] } : this.pipeline.tokens(b, budget);
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
        for (let i = 0; i < keep; i++, at++) {
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
    return this.pipeline.ids(text, Infinity).map((id) => this.tokenText(id));
  }

  /** The ids of the text's tokens, without special ones. */
  ids(text: string): number[] {
    return this.pipeline.ids(text, Infinity);
  }

  /** The number of the text's tokens, without special ones. */
  countTokens(text: string): number {
    return this.pipeline.ids(text, Infinity).length;
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

  /** The tokens that texts may have beside the special ones. */
  private tokenBudget(pair: boolean, maxLength: number): number {
    const special = this.specialTokenCount(pair);
    if (maxLength >= special) return maxLength - special;
    throw new MedTextError(
      'TOKENIZER',
      words`A maximum length of ${maxLength} has no room for the ${special} special tokens. Raise max_length.`,
      { maxLength },
    );
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
      lengthA = this.pipeline.ids(a, limit).length;
      lengthB = this.pipeline.ids(b, limit).length;
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
    ? new Map<string, number>(vocab.map((row, id) => [textOfValue((row as unknown[] | null)?.[0]), id]))
    : new Map<string, number>(Object.entries(vocab as Record<string, number>));
  for (const token of json.added_tokens) ids.set(token.content, token.id);
  return ids;
}

/** A tokenizer.json may bring expressions that are matched for hours: each text has a budget. */
function watched({ ids, tokens }: Pipeline, where: string): Pipeline {
  const watch = new FileWatch('tokens', where, 0, true);
  return {
    ids: (text, limit) => watch.during(() => ids(text, limit)),
    tokens: (text, limit) => watch.during(() => tokens(text, limit)),
  };
}
