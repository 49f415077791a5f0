/** Scores pairs of texts with a fine-tuned model: behind `medtext score`, hovers and panels. */
import { MedTextError, words } from '../base/errors';
import { findTask, type Task } from '../protocol/tasks';
import type { RunOptions } from './classifierRunner';
import { openModelFolder } from '../models/modelFolder';
import { pairScore, type PairScore, type ScoredPair } from './labelScores';
import { openClassifier } from './openClassifier';
import { hasHead, type ModelOptions } from './openedModel';
import { openVectorScorer } from './vectorScorer';

export interface PairScorer {
  readonly labels: readonly string[];
  readonly device: string;
  /** What the model was fine-tuned for; `encoder`: for nothing, it gives cosines; undefined where its folder does not say. */
  readonly task: Task | 'encoder' | undefined;
  /**
   * Scores in the given order. A model of single texts takes no `second`.
   * @throws MedTextError UNSUPPORTED for a second text that the model does not read (detail `task`); CANCELLED between
   * batches; RUNTIME or OUT_OF_MEMORY.
   */
  score(
    pairs: readonly ScoredPair[],
    signal?: AbortSignal,
    onProgress?: RunOptions['onProgress'],
  ): Promise<readonly PairScore[]>;
  close(): Promise<void>;
}

/**
 * A model folder's head, or its encoder where it has none.
 * @throws MedTextError what {@link openClassifier} and {@link openVectorScorer} throw.
 */
export async function openPairScorer(folder: string, options: ModelOptions = {}): Promise<PairScorer> {
  if (!(await hasHead(await openModelFolder(folder)))) return openVectorScorer(folder, options);
  const classifier = await openClassifier(folder, options);
  const { labels, task } = classifier;
  return {
    labels,
    device: classifier.device,
    task,
    async score(pairs, signal, onProgress) {
      if (findTask(task)?.second === 'none' && pairs.some(({ second }) => second !== undefined)) {
        throw new MedTextError(
          'UNSUPPORTED',
          words`${folder} reads one text at a time and gives its label: it has no similarity of two. Choose a model that was fine-tuned on pairs.`,
          { folder, task },
        );
      }
      const logits = await classifier.logits(pairs, { signal, onProgress });
      return pairs.map((_, row) =>
        pairScore(logits.subarray(row * labels.length, (row + 1) * labels.length), classifier),
      );
    },
    close: () => classifier.close(),
  };
}
