/** The layout of sentence-transformers: how an encoder's token states become one vector for a text. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { isObject, type JsonObject } from './configJson';
import type { EncoderConfig } from './encoderConfig';

export type Pooling = 'cls' | 'mean' | 'max';

export interface SentenceLayout {
  readonly pooling: Pooling;
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean;
  /** Tokens; undefined where the folder does not say: then the encoder's positions are the limit. */
  readonly maxLength: number | undefined;
  /** Texts are lowered before the tokenizer's own normaliser sees them. */
  readonly lowerCase: boolean;
  /** Texts to put before texts, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  /** The name of the one that goes before every text, unless somebody asks for another. */
  readonly defaultPrompt: string | null;
  /** Whether the mean includes the prompt's tokens. */
  readonly includesPrompt: boolean;
  /** The similarity function that the model's authors chose. */
  readonly similarity: string;
}

/** The layout that sentence-transformers gives a plain encoder. */
const PLAIN: SentenceLayout = {
  pooling: 'mean',
  normalize: false,
  maxLength: undefined,
  lowerCase: false,
  prompts: {},
  defaultPrompt: null,
  includesPrompt: true,
  similarity: 'cosine',
};

const MAX_JSON_BYTES = 2 ** 20;
/** Fields of older and newer 1_Pooling/config.json. */
const POOLING_FIELDS: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
};

/**
 * The layout of a model's folder: what modules.json and the modules it names say, else what sentence-transformers makes of
 * a plain encoder.
 * @throws MedTextError UNSUPPORTED for a module or pooling that is not known, MODEL_CONFIG for a broken file.
 */
export async function sentenceLayout(folder: string): Promise<SentenceLayout> {
  return (await readSentenceLayout(folder)) ?? { ...PLAIN, maxLength: await tokenizerLength(folder) };
}

/**
 * {@link sentenceLayout} of a folder that is sentence-transformers'; undefined for another one.
 * @param folder that of the encoder: older versions keep it, as 0_Transformer, beside the other modules.
 */
export async function readSentenceLayout(folder: string): Promise<SentenceLayout | undefined> {
  const home = await homeOf(folder);
  if (home === undefined) return undefined;
  const layout = { ...PLAIN };
  for (const { kind, path } of await modulesIn(home)) {
    if (kind === 'Pooling') Object.assign(layout, await poolingIn(join(home, path, 'config.json')));
    else if (kind === 'Normalize') layout.normalize = true;
    else if (kind !== 'Transformer') {
      throw new MedTextError('UNSUPPORTED', words`${home}: the sentence-transformers module ${kind} is not supported.`, { module: kind }); // prettier-ignore
    }
  }
  const transformer = await transformerSettings(folder);
  const model = await readJson(join(home, 'config_sentence_transformers.json'));
  const { prompts, default_prompt_name: name, similarity_fn_name: similarity } = isObject(model) ? model : {};
  const texts = Object.entries(isObject(prompts) ? prompts : {}).filter(([, text]) => typeof text === 'string');
  return {
    ...layout,
    maxLength: lengthIn(transformer.max_seq_length) ?? (await tokenizerLength(folder)),
    lowerCase: transformer.do_lower_case === true,
    prompts: Object.fromEntries(texts) as Record<string, string>,
    defaultPrompt: typeof name === 'string' ? name : null,
    ...(typeof similarity === 'string' && { similarity }),
  };
}

/**
 * The prompt before a text where nobody asks for another one.
 * @throws MedTextError MODEL_CONFIG for a name that no prompt has; UNSUPPORTED where pooling leaves the prompt out.
 */
export function defaultPrompt({ prompts, defaultPrompt: name, includesPrompt }: SentenceLayout, where: string): string {
  if (name === null) return '';
  if (!Object.hasOwn(prompts, name)) {
    throw new MedTextError(
      'MODEL_CONFIG',
      words`${where}: config_sentence_transformers.json has no prompt of the name "${name}", its default_prompt_name.`,
      { name },
    );
  }
  if (prompts[name] !== '' && !includesPrompt) {
    throw new MedTextError('UNSUPPORTED', words`${where}: pooling without the prompt's tokens (include_prompt) is not supported.`); // prettier-ignore
  }
  return prompts[name];
}

/** The folder of the encoder: the model's own, or the subfolder that modules.json names. */
export async function encoderFolder(folder: string): Promise<string> {
  const transformer = (await modulesIn(folder)).find(({ kind }) => kind === 'Transformer');
  return join(folder, transformer?.path ?? '');
}

/** The folder of modules.json: the encoder's own, or the one above it. */
async function homeOf(folder: string): Promise<string | undefined> {
  if ((await readJson(join(folder, 'modules.json'))) !== undefined) return folder;
  if (!/^\d+_/.test(basename(folder))) return undefined;
  const above = dirname(folder);
  const isPart = (await modulesIn(above)).some(({ kind, path }) => kind === 'Transformer' && path === basename(folder));
  return isPart ? above : undefined;
}

/** The modules, each with its kind and its folder's name; none where there is no modules.json. */
async function modulesIn(home: string): Promise<{ readonly kind: string; readonly path: string }[]> {
  const modules = await readJson(join(home, 'modules.json'));
  if (modules === undefined) return [];
  const broken = (what: Words) => new MedTextError('MODEL_CONFIG', words`${join(home, 'modules.json')}: ${what}.`, { file: home }); // prettier-ignore
  if (!Array.isArray(modules)) throw broken(words`it is not a list of modules`);
  return modules.map((module: unknown) => {
    const { type, path } = isObject(module) ? module : {};
    if (typeof type !== 'string' || typeof path !== 'string') throw broken(words`a module lacks its type or path`);
    // The path stays a name in this folder, whatever the file says.
    if (!/^[\w-]*$/.test(path)) throw broken(words`the path ${JSON.stringify(path)} is not a folder's name`);
    return { kind: type.split('.').at(-1)!, path };
  });
}

/** sentence_bert_config.json, or its older names by the encoder's type. */
async function transformerSettings(folder: string): Promise<JsonObject> {
  for (const type of ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet']) {
    const settings = await readJson(join(folder, `sentence_${type}_config.json`));
    if (isObject(settings)) return settings;
  }
  return {};
}

/** sentence-transformers 6 keeps its length as the tokenizer's `model_max_length` alone. */
async function tokenizerLength(folder: string): Promise<number | undefined> {
  const tokenizer = await readJson(join(folder, 'tokenizer_config.json'));
  return isObject(tokenizer) ? lengthIn(tokenizer.model_max_length) : undefined;
}

/** Python writes 1e30 for "not known". */
function lengthIn(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 1e9 ? (value as number) : undefined;
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
  const pooling: JsonObject = { word_embedding_dimension: hiddenSize, ...Object.fromEntries(modes), pooling_mode_mean_sqrt_len_tokens: false, include_prompt: layout.includesPrompt }; // prettier-ignore
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'modules.json': text(modules),
    '1_Pooling/config.json': text(pooling),
    'sentence_bert_config.json': text({
      max_seq_length: Math.min(layout.maxLength ?? Infinity, maxPositions),
      do_lower_case: layout.lowerCase,
    }),
    'config_sentence_transformers.json': text({
      prompts: layout.prompts,
      default_prompt_name: layout.defaultPrompt,
      similarity_fn_name: layout.similarity,
    }),
  };
}

async function poolingIn(path: string): Promise<Pick<SentenceLayout, 'pooling' | 'includesPrompt'>> {
  const json = await readJson(path);
  const fields = isObject(json) ? json : {};
  const byField = Object.entries(fields).filter(([field, on]) => field.startsWith('pooling_mode_') && on === true);
  const named = typeof fields.pooling_mode === 'string' ? [`pooling_mode_${fields.pooling_mode}`] : [];
  const modes = [...byField.map(([field]) => field), ...named];
  const found = modes.map((mode) => POOLING_FIELDS[mode] ?? POOLING_FIELDS[`${mode}_token`] ?? POOLING_FIELDS[`${mode}_tokens`]); // prettier-ignore
  if (found.length === 1 && found[0]) return { pooling: found[0], includesPrompt: fields.include_prompt !== false };
  throw new MedTextError('UNSUPPORTED', words`${path}: only pooling by the first token, the mean or the maximum is supported, not ${modes.join(', ') || words`none`}.`, { file: path, modes }); // prettier-ignore
}

async function readJson(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > MAX_JSON_BYTES)
      throw new MedTextError('MODEL_CONFIG', words`${path} is too long.`, { file: path });
    return JSON.parse(await readTextFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MedTextError('MODEL_CONFIG', words`${path} is not JSON: ${error.message}`, { file: path }, { cause: error }); // prettier-ignore
    const coded = asMedTextError(error);
    if (coded.code === 'NOT_FOUND') return undefined;
    throw coded;
  }
}
