/** Cuts a model's vocabulary to what texts need, and its layers to those that are wanted. */
import { MedTextError, words } from '../base/errors';
import { importModel, type ImportedModel } from '../models/importModel';
import { openModelFolder, readTokenizerFiles } from '../models/modelFolder';
import { readSentenceLayout } from '../models/sentenceTransformers';
import type { WriteOptions } from '../models/writeModelFolder';
import { PIECE_CLASSES, pruneVocabulary, type PieceClass } from '../tokenization/pruneVocabulary';
import { loadTokenizer, type Tokenizer } from '../tokenization/tokenizer';

export interface PruneOptions extends WriteOptions {
  /** Texts whose pieces stay, if they occur often enough. */
  readonly texts: AsyncIterable<string> | Iterable<string>;
  /** How often a piece must occur in `texts`. */
  readonly minCount: number;
  readonly classes: readonly PieceClass[];
  /** Single pieces that stay, as the vocabulary writes them. */
  readonly pieces: ReadonlySet<string>;
  /** The old numbers of the layers that stay; absent: all stay. */
  readonly layers?: readonly number[];
}

export interface TokenChanges {
  readonly texts: number;
  /** The number of texts whose tokens changed. */
  readonly changed: number;
  readonly tokensBefore: number;
  readonly tokensAfter: number;
  /** Unknown tokens that were known before. */
  readonly newUnknown: number;
  /** The first few texts that changed. */
  readonly examples: readonly { readonly text: string; readonly before: readonly string[]; readonly after: readonly string[] }[]; // prettier-ignore
}

export interface PrunedModel {
  readonly imported: ImportedModel;
  readonly vocabulary: { readonly before: number; readonly after: number };
  readonly layers: { readonly before: number; readonly after: number };
  readonly changes: TokenChanges;
}

const MAX_EXAMPLES = 10;

/**
 * Writes the pruned model to `output` and tokenises the texts with both vocabularies. The prompts of a
 * sentence-transformers folder keep their pieces.
 * @throws MedTextError UNSUPPORTED for a BPE vocabulary or an ONNX graph; what {@link importModel} throws.
 */
export async function pruneModel(source: string, output: string, options: PruneOptions): Promise<PrunedModel> {
  const folder = await openModelFolder(source);
  if (folder.weightsPath?.endsWith('.onnx')) {
    throw new MedTextError('UNSUPPORTED', words`${folder.path} is an ONNX graph, whose vocabulary cannot be cut. Take the model's safetensors or PyTorch file.`, { file: folder.path }); // prettier-ignore
  }
  const files = await readTokenizerFiles(folder);
  const before = loadTokenizer(files, folder.path);
  const texts: string[] = [];
  for await (const text of options.texts) {
    if (options.signal?.aborted) throw new MedTextError('CANCELLED', 'Pruning the model was cancelled.');
    texts.push(text);
  }
  const prompts = Object.values((await readSentenceLayout(folder.path))?.prompts ?? {});
  const counts = pieceCounts(before, texts);
  const ofPrompts = pieceCounts(before, prompts);
  const wanted = ({ id, token, text }: { id: number; token: string; text: string }) =>
    (counts.get(id) ?? 0) >= options.minCount ||
    ofPrompts.has(id) ||
    options.pieces.has(token) ||
    options.classes.some((name) => PIECE_CLASSES[name](text));
  const vocabulary = pruneVocabulary(files, wanted, folder.path);
  const { layerCount, vocabSize } = folder.config;
  const layers = options.layers ?? Array.from({ length: layerCount }, (_, layer) => layer);
  const imported = await importModel(source, output, {
    ...options,
    cut: { rows: vocabulary.rows, layers },
    extraFiles: async () => vocabulary.files,
  });
  const after = loadTokenizer(
    { tokenizerJson: vocabulary.files['tokenizer.json'], tokenizerConfig: vocabulary.files['tokenizer_config.json'], specialTokensMap: files.specialTokensMap, clean: files.clean }, // prettier-ignore
    output,
  );
  return {
    imported,
    vocabulary: { before: vocabSize, after: vocabulary.rows.length },
    layers: { before: layerCount, after: layers.length },
    changes: changesOf(texts, before, after),
  };
}

/** The number of occurrences of each piece, by its id. */
export function pieceCounts(tokenizer: Tokenizer, texts: Iterable<string>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const text of texts) {
    for (const id of tokenizer.ids(text)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** Compares tokens as written, since ids differ by design. */
function changesOf(texts: readonly string[], before: Tokenizer, after: Tokenizer): TokenChanges {
  const changes = { texts: texts.length, changed: 0, tokensBefore: 0, tokensAfter: 0, newUnknown: 0 };
  const examples: { text: string; before: string[]; after: string[] }[] = [];
  const unknown = (tokens: readonly string[], { specialTokens }: Tokenizer) => tokens.filter((token) => token === specialTokens.unk).length; // prettier-ignore
  for (const text of texts) {
    const [old, now] = [before.tokens(text), after.tokens(text)];
    changes.tokensBefore += old.length;
    changes.tokensAfter += now.length;
    if (old.length === now.length && old.every((token, i) => token === now[i])) continue;
    changes.changed++;
    changes.newUnknown += Math.max(0, unknown(now, after) - unknown(old, before));
    if (examples.length < MAX_EXAMPLES) examples.push({ text, before: old, after: now });
  }
  return { ...changes, examples };
}
