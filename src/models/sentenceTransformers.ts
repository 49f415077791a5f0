/** The layout of sentence-transformers: how an encoder's token states become one vector for a text. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { isObject, type JsonObject } from './configJson';
import type { EncoderConfig } from './encoderConfig';

export type Pooling = 'cls' | 'mean' | 'max';

export interface SentenceLayout {
  readonly pooling: Pooling;
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean;
  /** Tokens; undefined where the folder does not say. */
  readonly maxLength: number | undefined;
}

/** What sentence-transformers itself makes of a plain encoder. */
export const DEFAULT_LAYOUT: SentenceLayout = { pooling: 'mean', normalize: false, maxLength: undefined };

/** The largest length sentence-transformers takes where nothing says one. */
export const USUAL_MAX_LENGTH = 512;
const MAX_JSON_BYTES = 2 ** 20;
/** Fields of older and newer 1_Pooling/config.json. */
const POOLING_FIELDS: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
};

/**
 * Reads modules.json and the modules it names; undefined for a folder without it.
 * @throws MedTextError UNSUPPORTED for a module or pooling that is not known, MODEL_CONFIG for a broken file.
 */
export async function readSentenceLayout(folder: string): Promise<SentenceLayout | undefined> {
  const modules = await readJson(join(folder, 'modules.json'));
  if (modules === undefined) return undefined;
  const broken = (what: Words) => new MedTextError('MODEL_CONFIG', words`${join(folder, 'modules.json')}: ${what}.`, { file: folder }); // prettier-ignore
  if (!Array.isArray(modules)) throw broken(words`it is not a list of modules`);
  const layout = { ...DEFAULT_LAYOUT };
  for (const module of modules as unknown[]) {
    const { type, path } = isObject(module) ? module : {};
    if (typeof type !== 'string' || typeof path !== 'string') throw broken(words`a module lacks its type or path`);
    // The path stays a name in this folder, whatever the file says.
    if (!/^[\w-]*$/.test(path)) throw broken(words`the path ${JSON.stringify(path)} is not a folder's name`);
    const kind = type.split('.').at(-1)!;
    if (kind === 'Pooling') layout.pooling = await poolingIn(join(folder, path, 'config.json'));
    else if (kind === 'Normalize') layout.normalize = true;
    else if (kind !== 'Transformer') {
      throw new MedTextError('UNSUPPORTED', words`${folder}: the sentence-transformers module ${kind} is not supported.`, { module: kind }); // prettier-ignore
    }
  }
  const transformer = await readJson(join(folder, 'sentence_bert_config.json'));
  const length = isObject(transformer) ? transformer.max_seq_length : undefined;
  return { ...layout, maxLength: Number.isInteger(length) && (length as number) > 0 ? (length as number) : undefined };
}

/** The files that make an encoder's folder one of sentence-transformers', by name. */
export function sentenceTransformersFiles(
  layout: SentenceLayout,
  { hiddenSize, maxPositions }: Pick<EncoderConfig, 'hiddenSize' | 'maxPositions'>,
): Record<string, string> {
  const modules = ['Transformer', 'Pooling', ...(layout.normalize ? ['Normalize'] : [])].map((name, idx) => ({
    idx,
    name: String(idx),
    path: idx === 0 ? '' : `${idx}_${name}`,
    type: `sentence_transformers.models.${name}`,
  }));
  const modes = Object.entries(POOLING_FIELDS).map(([field, pooling]) => [field, pooling === layout.pooling]);
  const pooling: JsonObject = { word_embedding_dimension: hiddenSize, ...Object.fromEntries(modes), pooling_mode_mean_sqrt_len_tokens: false }; // prettier-ignore
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'modules.json': text(modules),
    '1_Pooling/config.json': text(pooling),
    'sentence_bert_config.json': text({
      max_seq_length: Math.min(layout.maxLength ?? USUAL_MAX_LENGTH, maxPositions),
      do_lower_case: false,
    }),
    'config_sentence_transformers.json': text({ prompts: {}, default_prompt_name: null, similarity_fn_name: 'cosine' }),
  };
}

async function poolingIn(path: string): Promise<Pooling> {
  const json = await readJson(path);
  const fields = isObject(json) ? json : {};
  const byField = Object.entries(fields).filter(([field, on]) => field.startsWith('pooling_mode_') && on === true);
  const named = typeof fields.pooling_mode === 'string' ? [`pooling_mode_${fields.pooling_mode}`] : [];
  const modes = [...byField.map(([field]) => field), ...named];
  const found = modes.map((mode) => POOLING_FIELDS[mode] ?? POOLING_FIELDS[`${mode}_token`] ?? POOLING_FIELDS[`${mode}_tokens`]); // prettier-ignore
  if (found.length === 1 && found[0]) return found[0];
  throw new MedTextError('UNSUPPORTED', words`${path}: supported is pooling by the first token, the mean or the maximum; it says ${modes.join(', ') || words`none`}.`, { file: path, modes }); // prettier-ignore
}

async function readJson(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > MAX_JSON_BYTES)
      throw new MedTextError('MODEL_CONFIG', words`${path} is too long.`, { file: path });
    return JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MedTextError('MODEL_CONFIG', words`${path} is not JSON: ${error.message}`, { file: path }, { cause: error }); // prettier-ignore
    const coded = asMedTextError(error);
    if (coded.code === 'NOT_FOUND') return undefined;
    throw coded;
  }
}
