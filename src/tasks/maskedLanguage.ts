import { MedTextError, words } from '../base/errors';
import { maskedLanguageHead, structBertHead } from '../models/heads/maskedLanguage';
import type { PretrainingReport } from '../protocol/evaluation';
import type { ResolvedRecipe } from '../protocol/recipe';
import { pretrainingCard } from './cards/pretrainingCard';
import { pretraining, type PretrainingTarget } from './losses/maskedLanguage';
import type { LossSums, TaskDefinition } from './task';

/** Learns the language of texts. Its model answers nothing of a file: what it has learned is measured by its own losses. */
export const maskedLanguage: TaskDefinition<never, PretrainingTarget, never> = {
  head: ({ train }) => (train.struct_bert ? structBertHead : maskedLanguageHead),
  labelsOf: () => [],
  columnsOf: () => [],
  labelsOfColumns: () => [],
  objective: ({ recipe }) => objectiveOf(recipe),
  lossReport,
  usage: () => ({}),
  counts: () => ({}),
  metric: 'perplexity',
  card: pretrainingCard,
  read: noRows,
  isLabelled: noRows,
  encode: noRows,
  reading: noRows,
  report: noRows,
  writer: noRows,
};

function noRows(): never {
  throw new MedTextError(
    'UNSUPPORTED',
    words`A model that was pretrained on text gives no predictions for the rows of a file. Fine-tune it for a task first.`,
  );
}

function objectiveOf({ train: { masking, struct_bert } }: ResolvedRecipe) {
  return pretraining({
    maskedShare: masking!.share,
    ...(struct_bert && { structural: { shuffledShare: struct_bert.shuffled_share, weights: struct_bert.weights } }),
  });
}

/** Sums over the held-out places, each of them over how many there are. */
function lossReport({ loss, parts = {}, examples, count }: LossSums<PretrainingTarget>): PretrainingReport {
  const tokens = count(({ masked }) => masked.positions.length);
  const ofMasked = (parts.masked ?? loss) / tokens;
  const places = count(({ shuffled }) => shuffled?.positions.length ?? 0);
  const pairs = count(({ sentence }) => (sentence === undefined ? 0 : 1));
  return {
    rows: examples,
    tokens,
    loss: ofMasked,
    perplexity: Math.exp(ofMasked),
    maskedAccuracy: parts.masked_accuracy / tokens,
    ...(places > 0 && { shuffledLoss: parts.shuffled / places, shuffledAccuracy: parts.shuffled_accuracy / places }),
    ...(pairs > 0 && { sentenceLoss: parts.sentence / pairs, sentenceAccuracy: parts.sentence_accuracy / pairs }),
  };
}
