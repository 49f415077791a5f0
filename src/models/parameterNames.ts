/**
 * The names of parameters. Inside the engine they are Hugging Face's for BertModel under `bert.` (`bert.encoder.layer.0...`)
 * and a head's own (models/heads), whatever a checkpoint calls them.
 */
import { MedTextError, words } from '../base/errors';
import { modelFamily } from './configJson';
import { embeddingSizeOf, hasPooler, type EncoderConfig } from './encoderConfig';
import type { Head } from './heads/head';
import type { ParameterSpec } from './parameters';

/** The encoder's parameters (embeddings, layers, pooler) in the order of Hugging Face's BertModel. */
export function encoderParameterSpecs(config: EncoderConfig, withPooler = hasPooler(config)): ParameterSpec[] {
  const { hiddenSize, intermediateSize } = config;
  const embeddingSize = embeddingSizeOf(config);
  const specs: ParameterSpec[] = [];
  const table = (name: string, rows: number) =>
    specs.push({ name: `${name}.weight`, shape: [rows, embeddingSize], initial: 'normal' });
  const linear = (name: string, outputs: number, inputs: number) => {
    specs.push({ name: `${name}.weight`, shape: [outputs, inputs], initial: 'normal' });
    specs.push({ name: `${name}.bias`, shape: [outputs], initial: 'zeros' });
  };
  const layerNorm = (name: string, width = hiddenSize) => {
    specs.push({ name: `${name}.weight`, shape: [width], initial: 'ones' });
    specs.push({ name: `${name}.bias`, shape: [width], initial: 'zeros' });
  };

  table('bert.embeddings.word_embeddings', config.vocabSize);
  table('bert.embeddings.position_embeddings', config.maxPositions + config.positionOffset);
  table('bert.embeddings.token_type_embeddings', config.typeVocabSize);
  layerNorm('bert.embeddings.LayerNorm', embeddingSize);
  if (embeddingSize !== hiddenSize) linear('bert.embeddings_project', hiddenSize, embeddingSize);
  for (let index = 0; index < config.layerCount; index++) {
    const layer = `bert.encoder.layer.${index}`;
    linear(`${layer}.attention.self.query`, hiddenSize, hiddenSize);
    linear(`${layer}.attention.self.key`, hiddenSize, hiddenSize);
    linear(`${layer}.attention.self.value`, hiddenSize, hiddenSize);
    linear(`${layer}.attention.output.dense`, hiddenSize, hiddenSize);
    layerNorm(`${layer}.attention.output.LayerNorm`);
    linear(`${layer}.intermediate.dense`, intermediateSize, hiddenSize);
    linear(`${layer}.output.dense`, hiddenSize, intermediateSize);
    layerNorm(`${layer}.output.LayerNorm`);
  }
  if (withPooler) linear('bert.pooler.dense', hiddenSize, hiddenSize);
  return specs;
}

/** Which of a checkpoint's tensors and of a model's parameters were matched. */
export interface LoadReport {
  /** Parameters that were read, with the checkpoint's names for them. */
  readonly used: readonly { readonly name: string; readonly from: string }[];
  readonly missing: readonly { readonly name: string; readonly initializedAs: string }[];
  /** Tensors of the checkpoint that were not used. */
  readonly leftOver: readonly { readonly name: string; readonly reason: string }[];
  /** What an unchanged graph cannot do, and what it requires. */
  readonly remarks?: readonly string[];
}

/** The report for people, one line each; long runs of one reason are folded. */
export function loadReportLines(report: LoadReport): string[] {
  const lines = [`${report.used.length} parameters read from the checkpoint`];
  const fold = (title: string, items: readonly { name: string; why: string }[]) => {
    const reasons = new Map<string, string[]>();
    for (const { name, why } of items) reasons.set(why, [...(reasons.get(why) ?? []), name]);
    for (const [why, names] of reasons) {
      const shown = names.length > 4 ? `${names.slice(0, 3).join(', ')}, … (${names.length} in all)` : names.join(', ');
      lines.push(`${title}: ${shown}: ${why}`);
    }
  };
  fold(
    'missing',
    report.missing.map(({ name, initializedAs }) => ({ name, why: initializedAs })),
  );
  fold(
    'left over',
    report.leftOver.map(({ name, reason }) => ({ name, why: reason })),
  );
  lines.push(...(report.remarks ?? []));
  return lines;
}

export interface NameMapping {
  /** Our name to the checkpoint's. Holds the encoder, the classifier and a masked-language-model head. */
  readonly fromOurs: ReadonlyMap<string, string>;
  readonly leftOver: readonly { readonly name: string; readonly reason: string }[];
}

const ENCODER_PART = new RegExp(
  [
    '^embeddings\\.(word|position|token_type)_embeddings\\.weight$',
    '^embeddings\\.LayerNorm\\.(weight|bias)$',
    '^embeddings_project\\.(weight|bias)$',
    '^encoder\\.layer\\.\\d+\\.attention\\.self\\.(query|key|value)\\.(weight|bias)$',
    '^encoder\\.layer\\.\\d+\\.attention\\.output\\.(dense|LayerNorm)\\.(weight|bias)$',
    '^encoder\\.layer\\.\\d+\\.intermediate\\.dense\\.(weight|bias)$',
    '^encoder\\.layer\\.\\d+\\.output\\.(dense|LayerNorm)\\.(weight|bias)$',
    '^pooler\\.dense\\.(weight|bias)$',
  ].join('|'),
);

/** Prefix of the masked-language-model head's tensors, in each family's names; ELECTRA's is its generator's. */
export const MASKED_LM_HEAD = /^(cls\.predictions|lm_head|generator_predictions|generator_lm_head)\./;

/** BERT's next sentence, StructBERT's order of sentences. */
export const SENTENCE_HEAD = /^cls\.seq_relationship\./;

/** The head's matrix over the vocabulary, which is the word embeddings again. */
export const TIED_DECODER = /(^|\.)(decoder|generator_lm_head)\.weight$/;

/**
 * Finds the encoder among a checkpoint's names (under no prefix, `bert.`, `encoder.`, `roberta.`, `module.bert.`, ...)
 * and says what every tensor is to us.
 *
 * The prefix is what stands before `embeddings.word_embeddings.weight`: an unprefixed model has a child `encoder` of
 * its own, so `encoder.` alone proves nothing. Word embeddings that are stored once, under the name that the head has for
 * them, are found by the position embeddings.
 * @param of the head that the names are of; undefined: of one that is not wanted
 * @throws MedTextError CHECKPOINT_MISMATCH when there is no encoder, or more than one to choose from.
 */
export function mapParameterNames(
  names: Iterable<string>,
  modelType: string,
  where: string,
  of: Head | undefined,
): NameMapping {
  const all = [...names];
  const prefix = encoderPrefix(all, where);
  // `module.bert.` has its heads under `module.`; `bert.` and no prefix have them at the top.
  const outer = prefix.replace(/[^.]+\.$/, '');
  const fromOurs = new Map<string, string>();
  const leftOver: { name: string; reason: string }[] = [];
  const family = modelFamily(modelType);
  const isTied = !all.includes(`${prefix}embeddings.word_embeddings.weight`);

  const take = (ours: string, name: string) => {
    const earlier = fromOurs.get(ours);
    if (earlier === undefined) fromOurs.set(ours, name);
    else leftOver.push({ name, reason: `the same parameter as ${earlier}` });
  };
  // RoBERTa's and ELECTRA's classification head is its own pooler: it goes before that of the pretrained encoder.
  const ordered = family !== 'bert' ? [...all].sort((a, b) => Number(isDenseHead(b)) - Number(isDenseHead(a))) : all;
  for (const name of ordered) {
    const inside = name.startsWith(prefix) ? modernised(name.slice(prefix.length)) : undefined;
    if (inside !== undefined && ENCODER_PART.test(inside)) {
      take(`bert.${inside}`, name);
      continue;
    }
    const named = modernised(
      inside !== undefined && prefix !== outer && isHead(inside) ? inside : withoutPrefix(name, outer),
    );
    // ModelScope's trainer keeps a BERT's classifier in a module `head` (1.36.3, models/nlp/task_models/task_model.py).
    const head = named.replace(/^head\.(?=classifier\.)/, '');
    const ours = pretrainingName(head) ?? of?.engineName(head, family);
    if (isTied && TIED_DECODER.test(head)) take(WORD_EMBEDDINGS, name);
    else if (ours !== undefined) take(ours, name);
    else leftOver.push({ name, reason: reasonToLeave(inside ?? head, head) });
  }
  return { fromOurs, leftOver };
}

/**
 * Pretraining heads are called as in files, whatever the head that is wanted. ModelScope's StructBERT keeps the bias over the
 * vocabulary as the decoder's own.
 */
function pretrainingName(inFile: string): string | undefined {
  if (SENTENCE_HEAD.test(inFile)) return inFile;
  return MASKED_LM_HEAD.test(inFile) ? inFile.replace(/(^|\.)decoder\.bias$/, '$1bias') : undefined;
}

const DECODER = 'cls.predictions.decoder';

/**
 * A second name of a BERT's parameter, under which it is written once more; undefined: there is none. ModelScope's BERT and StructBERT
 * read the decoder over the vocabulary as a layer of its own, bias and all, and do not tie it (1.36.3, models/nlp/heads/fill_mask_head.py):
 * in a file for it the word embeddings are there twice.
 */
export function fileAlias(ours: string, isForModelScope: boolean): string | undefined {
  if (ours === 'cls.predictions.bias') return `${DECODER}.bias`;
  return isForModelScope && ours === WORD_EMBEDDINGS ? `${DECODER}.weight` : undefined;
}

/** Our name in a file for transformers: RoBERTa's encoder is `roberta.`, ELECTRA's `electra.`; the head has names of its own. */
export function fileParameterName(ours: string, modelType: string, head: Head | undefined): string {
  const family = modelFamily(modelType);
  return head?.fileName(ours, family) ?? ours.replace(/^bert\./, `${family}.`);
}

/** Ours of the word embeddings. */
const WORD_EMBEDDINGS = 'bert.embeddings.word_embeddings.weight';

function encoderPrefix(names: readonly string[], where: string): string {
  const anchor = 'embeddings.word_embeddings.weight';
  const isDecoded = names.some((name) => TIED_DECODER.test(name));
  const own = prefixesOf(anchor, names);
  const prefixes = own.length === 0 && isDecoded ? prefixesOf('embeddings.position_embeddings.weight', names) : own;
  if (prefixes.length === 1) return prefixes[0];
  if (prefixes.length === 0) {
    const shown = names.slice(0, 5).join(', ');
    throw new MedTextError(
      'CHECKPOINT_MISMATCH',
      words`${where} holds no BERT-like encoder: no tensor is called "…${anchor}" (it has ${shown}${names.length > 5 ? ', …' : ''}).`,
      { file: where },
    );
  }
  throw new MedTextError(
    'CHECKPOINT_MISMATCH',
    words`${where} holds several encoders (${prefixes.map((prefix) => `"${prefix}"`).join(', ')}). Save the wanted one alone.`,
    { file: where, prefixes },
  );
}

/** The prefix before the anchor. ELECTRA's generator and averaged or teacher copies are not the wanted model. */
function prefixesOf(anchor: string, names: readonly string[]): string[] {
  return names
    .filter((name) => name === anchor || name.endsWith(`.${anchor}`))
    .map((name) => name.slice(0, -anchor.length))
    .filter(
      (prefix, _, found) => found.length === 1 || !/(^|\.)(generator|ema|ema_model|teacher|momentum\w*)\./.test(prefix),
    );
}

/** TensorFlow's names for LayerNorm's parameters, in checkpoints converted long ago. */
function modernised(name: string): string {
  return name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
}

function isHead(name: string): boolean {
  return /^(classifier|cls|lm_head)\./.test(name) || MASKED_LM_HEAD.test(name);
}

function isDenseHead(name: string): boolean {
  return /(^|\.)classifier\.dense\.(weight|bias)$/.test(name);
}

function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function reasonToLeave(inside: string, head: string): string {
  if (/(^|\.)(position_ids|token_type_ids)$/.test(inside)) return 'a buffer that is computed';
  if (/(^|\.)task_type_embeddings\.weight$/.test(inside))
    return "ERNIE's task types; the first is added to the token types";
  if (/^(discriminator_predictions|generator|electra_)/.test(head)) {
    return "a pretraining head of ELECTRA's, which is not used";
  }
  if (/^(qa_outputs|score|classifier|logits_proj|sop_|cls\.)/.test(head)) return 'a head of another task';
  return 'not part of the architecture that config.json describes';
}
