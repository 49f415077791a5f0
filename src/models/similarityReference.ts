/**
 * A reference distribution of an encoder's cosines, kept with the model: those of random pairs and of pairs that mean the same.
 * Cosines of unlike texts lie at 0.80 to 0.87 for encoders such as E5, so a cosine alone says little.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { isObject } from './configJson';

/** The file's name in the model's folder. */
export const SIMILARITY_REFERENCE = 'similarity_reference.json';

interface Distribution {
  readonly pairs: number;
  /** Ascending, from the lowest cosine to the highest in equal steps of share; at least two. */
  readonly quantiles: readonly number[];
}

export interface SimilarityReference {
  readonly measure: 'cosine';
  /** The texts that the pairs come from. */
  readonly source: string;
  readonly random: Distribution;
  readonly same: Distribution;
}

/** The place of a cosine: the shares of random pairs and of pairs of one meaning whose cosine is lower. */
export interface CosinePlace {
  readonly random: number;
  readonly same: number;
}

/** The 0th to the 100th percentile, to five decimals. */
export function quantilesOf(cosines: readonly number[]): number[] {
  const sorted = [...cosines].sort((a, b) => a - b);
  return Array.from({ length: 101 }, (_, i) => {
    const at = (i / 100) * (sorted.length - 1);
    const low = sorted[Math.floor(at)];
    return Number((low + (at - Math.floor(at)) * (sorted[Math.ceil(at)] - low)).toFixed(5));
  });
}

export function placeOf(cosine: number, { random, same }: SimilarityReference): CosinePlace {
  return { random: shareBelow(cosine, random.quantiles), same: shareBelow(cosine, same.quantiles) };
}

/** Linear between quantiles. */
function shareBelow(cosine: number, quantiles: readonly number[]): number {
  const last = quantiles.length - 1;
  if (cosine <= quantiles[0]) return 0;
  if (cosine >= quantiles[last]) return 1;
  const above = quantiles.findIndex((quantile) => quantile > cosine);
  const low = quantiles[above - 1];
  return (above - 1 + (cosine - low) / (quantiles[above] - low)) / last;
}

/** The reference; undefined where the folder has none. @throws MedTextError MODEL_CONFIG for a broken one, IO. */
export async function readSimilarityReference(folder: string): Promise<SimilarityReference | undefined> {
  const path = join(folder, SIMILARITY_REFERENCE);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MedTextError('MODEL_CONFIG', words`${path} is not JSON: ${error.message}`, { file: path }); // prettier-ignore
    const coded = asMedTextError(error);
    if (coded.code === 'NOT_FOUND') return undefined;
    throw coded;
  }
  const isReference = isObject(json) && json.measure === 'cosine' && isDistribution(json.random) && isDistribution(json.same); // prettier-ignore
  if (isReference) return json as unknown as SimilarityReference;
  throw new MedTextError('MODEL_CONFIG', words`${path} does not describe the distribution of cosines. Copy it again, or delete it.`, { file: path }); // prettier-ignore
}

function isDistribution(value: unknown): boolean {
  if (!isObject(value) || !Array.isArray(value.quantiles) || value.quantiles.length < 2) return false;
  const quantiles = value.quantiles as unknown[];
  return quantiles.every((quantile, i) => typeof quantile === 'number' && Number.isFinite(quantile) && (i === 0 || quantile >= (quantiles[i - 1] as number))); // prettier-ignore
}
