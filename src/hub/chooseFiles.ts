/** Which files of a repository are needed: one kind of weights, and what is read beside them. */
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { RemoteFile } from './hub';
import type { RepositoryKind } from './hubReference';

export interface Choice {
  readonly files: readonly RemoteFile[];
  /** Weights or data that are there in another form and stay where they are. */
  readonly leftOut: readonly RemoteFile[];
}

/** Small files that describe a model, its tokenizer, its labels and its licence. */
const DESCRIPTIONS = new Set([
  'config.json',
  'configuration.json',
  'label_mapping.json',
  'vocab.txt',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'sentencepiece.model',
  'spiece.model',
  'tokenizer.model',
  // sentence-transformers
  'modules.json',
  'config_sentence_transformers.json',
]);
/** The files of sentence-transformers' encoder, by its type. */
const SENTENCE_SETTINGS = /^sentence_[\w-]+_config\.json$/;
/** The folders in which older versions of sentence-transformers keep the encoder. */
const ENCODER_FOLDER = /^(\d+_Transformer\/)config\.json$/;
const CARD = /^(readme(\.md|\.txt)?|licen[cs]e(\.md|\.txt)?|notice(\.md|\.txt)?)$/i;
/** A module's folder of sentence-transformers beside the encoder: `1_Pooling`, `2_Dense`. */
const MODULE = /^\d+_[A-Za-z]+\/(config\.json|model\.safetensors|pytorch_model\.bin)$/;

/** Forms of weights, the best first; the first that is there is taken, and no other. */
const WEIGHTS: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model(\.safetensors\.index\.json|-\d+-of-\d+\.safetensors)$/,
  /^pytorch_model\.safetensors$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model(\.bin\.index\.json|-\d+-of-\d+\.bin)$/,
  /^onnx\/model\.onnx([._]data)?$/,
  /^model\.onnx([._]data)?$/,
  // ONNX files serve inference only, hence they come last.
  /^(onnx\/)?model_(quantized|int8|uint8|fp16)\.onnx$/,
];
/** Weights that this program cannot read, to name them when there is nothing else. */
const FOREIGN_WEIGHTS = /\.(h5|msgpack|ot|ckpt(\.\w+)?|gguf|pdparams|pt|pth|mlmodel|tflite|onnx|bin|safetensors)$|^saved_model\//; // prettier-ignore

const DATA = /\.(jsonl?|ndjson|csv|tsv|txt|parquet|xlsx)(\.gz)?$/i;
/** Files of data set repositories that hold no rows. */
const NO_DATA = /(^|\/)(dataset_infos?\.json|dataset_dict\.json|state\.json|requirements\.txt|package\.json|\.[^/]+|config\.json|configuration\.json)$/i; // prettier-ignore
/** Where a table exists in several forms, the first is taken. */
const DATA_FORMS = ['jsonl', 'ndjson', 'json', 'csv', 'tsv', 'parquet', 'xlsx', 'txt'];

/** Whether a file of a data set's repository can hold its rows. */
export function isTable(path: string): boolean {
  return DATA.test(path) && !NO_DATA.test(path) && !CARD.test(path.split('/').at(-1)!);
}

export interface ChooseOptions {
  /** Only files in this folder, with names relative to it; undefined: the whole repository. */
  readonly folder?: string;
  /** Patterns (`*` within a name, `**` across folders) that choose files instead of the usual rules. */
  readonly include?: readonly string[];
  /** Paths of tables that are none. */
  readonly without?: readonly string[];
}

/**
 * @throws MedTextError NOT_FOUND when nothing usable is listed, naming what is.
 */
export function chooseFiles(
  files: readonly RemoteFile[],
  kind: RepositoryKind,
  { folder, include = [], without = [] }: ChooseOptions = {},
): Choice {
  const inFolder = folder === undefined ? files : files.filter(({ path }) => path.startsWith(`${folder}/`));
  const nameOf = ({ path }: RemoteFile): string => (folder === undefined ? path : path.slice(folder.length + 1));
  if (include.length > 0) {
    const patterns = include.map(globPattern);
    const chosen = inFolder.filter((file) => patterns.some((pattern) => pattern.test(nameOf(file))));
    if (chosen.length === 0) throw nothing(words`no file matches ${include.join(', ')}`, inFolder);
    return { files: chosen, leftOut: [] };
  }
  return kind === 'model' ? chooseModelFiles(inFolder, nameOf) : chooseDataFiles(inFolder.filter(({ path }) => !without.includes(path)), nameOf); // prettier-ignore
}

function chooseModelFiles(files: readonly RemoteFile[], nameOf: (file: RemoteFile) => string): Choice {
  const names = files.map(nameOf);
  const encoder = names.includes('config.json')
    ? ''
    : names.map((name) => ENCODER_FOLDER.exec(name)?.[1]).find((found) => found !== undefined);
  if (encoder === undefined) throw nothing(words`there is no config.json, which describes a model`, files);
  const isDescription = (name: string): boolean => DESCRIPTIONS.has(name) || SENTENCE_SETTINGS.test(name) || CARD.test(name); // prettier-ignore
  const inEncoder = (file: RemoteFile): string => (nameOf(file).startsWith(encoder) ? nameOf(file).slice(encoder.length) : ''); // prettier-ignore
  const described = files.filter((file) => isDescription(nameOf(file)) || isDescription(inEncoder(file)));
  const form = WEIGHTS.find((pattern) =>
    files.some((file) => pattern.test(inEncoder(file)) && isContent(inEncoder(file))),
  );
  if (!form) throw nothing(words`there are no weights in a form that can be read (safetensors, PyTorch, ONNX)`, files);
  const weights = files.filter((file) => form.test(inEncoder(file)));
  const quantized = weights.length > 1 && form === WEIGHTS.at(-1) ? weights.slice(0, 1) : weights;
  const modules = moduleFiles(files, nameOf);
  const chosen = new Set([...described, ...quantized, ...modules]);
  return {
    // Small files come first, so that a model of an unsupported kind is recognised early.
    files: [...chosen].sort((a, b) => a.sizeBytes - b.sizeBytes),
    leftOut: files.filter((file) => !chosen.has(file) && FOREIGN_WEIGHTS.test(nameOf(file))),
  };
}

/** A shard index without its shards does not count as weights. */
function isContent(name: string): boolean {
  return !name.endsWith('.index.json');
}

function moduleFiles(files: readonly RemoteFile[], nameOf: (file: RemoteFile) => string): RemoteFile[] {
  const found = files.filter((file) => MODULE.test(nameOf(file)));
  const names = new Set(found.map(nameOf));
  return found.filter((file) => {
    const name = nameOf(file);
    return !name.endsWith('pytorch_model.bin') || !names.has(name.replace('pytorch_model.bin', 'model.safetensors'));
  });
}

function chooseDataFiles(files: readonly RemoteFile[], nameOf: (file: RemoteFile) => string): Choice {
  const tables = files.filter((file) => isTable(nameOf(file)));
  if (tables.length === 0) {
    throw nothing(words`there are no tables in a form that can be read (json, jsonl, csv, tsv, txt, parquet)`, files);
  }
  const form = (file: RemoteFile): number =>
    DATA_FORMS.indexOf(/\.(\w+?)(\.gz)?$/.exec(nameOf(file))![1].toLowerCase());
  const stem = (file: RemoteFile): string => nameOf(file).replace(/(\.\w+?)(\.gz)?$/, '');
  const best = new Map<string, RemoteFile>();
  for (const file of tables) {
    const other = best.get(stem(file));
    if (!other || form(file) < form(other)) best.set(stem(file), file);
  }
  const kept = new Set(best.values());
  const cards = files.filter((file) => CARD.test(nameOf(file)));
  return {
    files: [...cards, ...tables.filter((file) => kept.has(file))],
    leftOut: tables.filter((file) => !kept.has(file)),
  };
}

/** `*` stands for anything within a name, `**` across folders, `?` for a character. */
function globPattern(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map(
      (part) =>
        ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' })[part] ??
        part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
    ) // prettier-ignore
    .join('');
  return new RegExp(`^${source}$`);
}

function nothing(what: Words, files: readonly RemoteFile[]): MedTextError {
  const names = files.filter(({ path }) => !/(^|\/)\.git/.test(path)).map(({ path }) => path);
  const shown = names.slice(0, 8).map((name) => name.slice(0, 80)).join(', '); // prettier-ignore
  const more = names.length > 8 ? words`, … (${names.length} files)` : '';
  const list = names.length === 0 ? words`It is empty.` : words`It has ${shown}${more}.`;
  return new MedTextError('NOT_FOUND', words`In this repository ${what}. ${list}`, { files: names.slice(0, 50) });
}
