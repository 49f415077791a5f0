/** Scores pairs of texts with a fine-tuned model: behind `medtext score`, hovers and panels. */
import type { RunOptions } from './classifierRunner';
import { pairScore, type PairScore, type ScoredPair } from './labelScores';
import { openClassifier, type Classifier, type ClassifierOptions } from './openClassifier';

export interface PairScorer {
  readonly labels: readonly string[];
  readonly device: string;
  readonly classifier: Classifier;
  /**
   * Scores in the given order. A model of single sentences reads `first` only.
   * @throws MedTextError CANCELLED between batches; RUNTIME or OUT_OF_MEMORY.
   */
  score(
    pairs: readonly ScoredPair[],
    signal?: AbortSignal,
    onProgress?: RunOptions['onProgress'],
  ): Promise<readonly PairScore[]>;
  close(): Promise<void>;
}

/** @throws MedTextError what {@link openClassifier} throws. */
export async function openPairScorer(folder: string, options: ClassifierOptions = {}): Promise<PairScorer> {
  const classifier = await openClassifier(folder, options);
  const { labels, labelScores, isRegression, task } = classifier;
  return {
    labels,
    device: classifier.device,
    classifier,
    async score(pairs, signal, onProgress) {
      const texts = task === 'text-classification' ? pairs.map(({ first }) => ({ first })) : pairs;
      const logits = await classifier.logits(texts, { signal, onProgress });
      return pairs.map((_, row) =>
        pairScore(logits.subarray(row * labels.length, (row + 1) * labels.length), labels, labelScores, isRegression),
      );
    },
    close: () => classifier.close(),
  };
}
