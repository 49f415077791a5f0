import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { declaredTokens, type DeclaringFiles } from './declaredTokens';
import { bertSpecialTokens, namedSpecialTokens, type SpecialTokens } from './specialTokens';
import type { AddedTokenJson, JsonObject, TokenizerJson } from './tokenizerJson';
import { vocabularyOf } from './vocabulary';

/**
 * The tokenizer.json of a BERT model that has only a `vocab.txt`, as transformers' BertTokenizer builds it. `vocab.txt`
 * has one token on each line; the line number is the id. tokenizer_config.json gives `do_lower_case` (default true),
 * `tokenize_chinese_chars` (default true), `strip_accents` (default: as `do_lower_case`) and the names of the special
 * tokens. {@link declaredTokens} finds further tokens in the files.
 *
 * @param where the model folder or file, for messages
 * @param rows of the encoder's embeddings
 * @throws MedTextError TOKENIZER when the vocabulary is empty, not UTF-8, has a token twice or lacks a special token.
 */
export function vocabularyToTokenizerJson(
  vocabTxt: string,
  files: DeclaringFiles,
  where: string,
  rows = Infinity,
): TokenizerJson {
  const { config: tokenizerConfig, specialTokensMap } = files;
  const ids = readVocabulary(vocabTxt, where);
  const special: SpecialTokens = { ...bertSpecialTokens, ...namedSpecialTokens(tokenizerConfig, specialTokensMap) };
  for (const name of ['pad', 'unk', 'cls', 'sep'] as const) {
    if (!ids.has(special[name])) {
      throw new MedTextError(
        'TOKENIZER',
        words`${where}: vocab.txt has no ${special[name]} (the ${name} token). It is not a BERT vocabulary, or tokenizer_config.json must name the token as "${name}_token".`,
        { where, token: special[name] },
      );
    }
  }
  const specialTexts = [special.pad, special.unk, special.cls, special.sep, special.mask].filter((text) =>
    ids.has(text),
  );
  const declared = declaredTokens(files, vocabularyOf(ids), [], rows);
  const isDeclared = (text: string) => declared.some(({ content }) => content === text);
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const usual = specialTexts
    .filter((text) => !isDeclared(text))
    .map((content): AddedTokenJson => ({ ...plain, id: ids.get(content)!, content, special: true }));
  return {
    added_tokens: [...usual, ...declared.map((token) => ({ ...plain, ...token }))].sort((x, y) => x.id - y.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: tokenizerConfig.tokenize_chinese_chars ?? true,
      strip_accents: tokenizerConfig.strip_accents ?? null,
      lowercase: tokenizerConfig.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [specialPiece(special.cls, 0), { Sequence: { id: 'A', type_id: 0 } }, specialPiece(special.sep, 0)],
      pair: [
        specialPiece(special.cls, 0),
        { Sequence: { id: 'A', type_id: 0 } },
        specialPiece(special.sep, 0),
        { Sequence: { id: 'B', type_id: 1 } },
        specialPiece(special.sep, 1),
      ],
      special_tokens: Object.fromEntries(
        [special.cls, special.sep].map((token) => [token, { id: token, ids: [ids.get(token)!], tokens: [token] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: special.unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  };
}

/** The file with the fields that Rust's `tokenizers` requires beside those that this room reads. */
export function completeTokenizerJson(tokenizer: TokenizerJson): JsonObject {
  return { version: '1.0', truncation: null, padding: null, ...tokenizer };
}

function specialPiece(token: string, typeId: number): JsonObject {
  return { SpecialToken: { id: token, type_id: typeId } };
}

/** Token → id. Lines end in LF, CRLF or CR. Blank lines keep their place, so that later ids do not shift. */
function readVocabulary(vocabTxt: string, where: string): Map<string, number> {
  const broken = (problem: Words, detail: JsonObject = {}) =>
    new MedTextError('TOKENIZER', words`${where}: vocab.txt ${problem}`, { where, ...detail });
  const text = vocabTxt.replace(/^\uFEFF/, '');
  if (text.trim() === '') throw broken(words`is empty. Copy it again.`);
  if (text.includes('\0')) throw broken(words`holds NUL characters: it is not text in UTF-8. Save it as UTF-8.`);
  const lines = text.split(/\r\n|\r|\n/);
  const ids = new Map<string, number>();
  const undecodable: number[] = [];
  for (const [id, token] of lines.entries()) {
    if (token === '') continue;
    // A single U+FFFD may be a token. A file in another encoding is full of them.
    if (token.includes('\uFFFD')) undecodable.push(id + 1);
    const earlier = ids.get(token);
    if (earlier !== undefined && undecodable.length < 2) {
      throw broken(
        words`has the token ${JSON.stringify(token)} twice, in lines ${earlier + 1} and ${id + 1}. A line number is a token's id: copy the file again from where the model came from.`,
        { token, lines: [earlier + 1, id + 1] },
      );
    }
    ids.set(token, id);
  }
  if (undecodable.length > 1) {
    throw broken(
      words`is not UTF-8 (line ${undecodable[0]} and ${undecodable.length - 1} more cannot be decoded). Save it as UTF-8.`,
      {
        lines: undecodable.slice(0, 10),
      },
    );
  }
  return ids;
}
