import type { TokenCounter } from '../preview/tokenCounts';
import { openModelFolder, readTokenizerFiles } from '../models/modelFolder';
import { loadTokenizer } from '../tokenization/tokenizer';

/** The tokenizer of a model folder. The weights are not read. @throws NOT_FOUND, MODEL_CONFIG, TOKENIZER */
export async function tokenCounter(folder: string): Promise<TokenCounter> {
  return loadTokenizer(await readTokenizerFiles(await openModelFolder(folder)), folder);
}
