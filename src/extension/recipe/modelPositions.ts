import { join } from 'node:path';
import { readTextFileSync } from '../../base/textFile';

/** How many tokens the model of a folder reads at most, as the training will say; undefined where its config.json does not tell. */
export function modelPositions(folder: string): number | undefined {
  try {
    const config = JSON.parse(readTextFileSync(join(folder, 'config.json'))) as Record<string, unknown>;
    const { max_position_embeddings: positions, model_type: type, pad_token_id: pad } = config;
    if (!Number.isSafeInteger(positions)) return undefined;
    // RoBERTa counts from behind its padding id.
    const isRoberta = typeof type === 'string' && /roberta|camembert/.test(type);
    return Number(positions) - (isRoberta ? Number(pad ?? 1) + 1 : 0);
  } catch {
    return undefined;
  }
}
