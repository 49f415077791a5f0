/** Scores pairs of texts with a fine-tuned model. `medtext score`, hovers and panels use it. */
import { MedTextError, words } from '../base/errors';
import { scoreOf, type PairScore } from '../protocol/scores';
import type { SecondText, Task } from '../protocol/tasks';
import type { RunOptions } from './classifierRunner';
import { openModelFolder } from '../models/modelFolder';
import type { ScoredPair } from './labelScores';
import { openClassifier } from './openClassifier';
import { hasHead, type ModelOptions } from './openedModel';
import { openVectorScorer } from './vectorScorer';

export interface PairScorer {
  readonly labels: readonly string[];
  readonly device: string;
  /**
   * The task of the model. `encoder`: the model has no task and gives cosines. Undefined where the folder does not name
   * one.
   */
  readonly task: Task | 'encoder' | undefined;
  /** Whether the model reads a second text. Undefined where the folder does not say. */
  readonly second: SecondText | undefined;
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
 * Opens a scorer with a model folder's head, or with its encoder where it has no head.
 * @throws MedTextError the errors of {@link openClassifier} and {@link openVectorScorer}.
 */
export async function openPairScorer(folder: string, options: ModelOptions = {}): Promise<PairScorer> {
  if (!(await hasHead(await openModelFolder(folder)))) return openVectorScorer(folder, options);
  const classifier = await openClassifier(folder, options);
  const { labels, task, second: secondText } = classifier;
  return {
    labels,
    device: classifier.device,
    task,
    second: secondText,
    async score(pairs, signal, onProgress) {
      if (secondText === 'none' && pairs.some(({ second }) => second !== undefined)) {
        throw new MedTextError(
          'UNSUPPORTED',
          words`${folder} reads one text at a time, so it gives no similarity of two texts. Choose a model that was fine-tuned on pairs.`,
          { folder, task, second: secondText },
        );
      }
      const logits = await classifier.logits(pairs, { signal, onProgress });
      return pairs.map((_, row) =>
        scoreOf(logits.subarray(row * labels.length, (row + 1) * labels.length), classifier.measure, classifier),
      );
    },
    close: () => classifier.close(),
  };
}
