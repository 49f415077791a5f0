import type { TokenCounter } from '../data/preview/tokenCounts';

/** The tokenizer of a model folder; its weights are not read. Errors: `NOT_FOUND`, `MODEL_CONFIG`, `TOKENIZER`. */
export async function tokenCounter(folder: string): Promise<TokenCounter> {
  // Loaded when first asked for: most previews begin without.
  const { openModelFolder, readTokenizerFiles } = await import('../models/modelFolder');
  const { loadTokenizer } = await import('../tokenization/tokenizer');
  return loadTokenizer(await readTokenizerFiles(await openModelFolder(folder)), folder);
}
