import { MedTextError, words } from '../../base/errors';
import { candidateKey, queriesOf, readGrades } from '../../data/ranking/readGrades';
import { refuseUnrankable, writeRanked } from '../../data/ranking/writeRanked';
import type { Example } from '../../data/examples';
import type { JsonObject } from '../../models/configJson';
import { mostOfGroup, type ResolvedRecipe } from '../../protocol/recipe';
import { rankingCard } from '../cards/rankingCard';
import { listNet } from '../losses/listNet';
import { relevanceCrossEntropy } from '../losses/relevanceCrossEntropy';
import type { TaskData, TaskDefinition, WriteOptions } from '../task';
import { encodeTexts, ofTexts, readLogits } from '../texts';
import { rankingReport, type LearnedBy } from './rankingReport';

/** The answer for a candidate. */
interface Answer {
  /** The logit. */
  readonly score: number;
  readonly learnedBy: LearnedBy;
}

/** Candidates of queries, best first. An example is a query with one of its candidates; a label, and a target, is its grade. */
export const ranking: TaskDefinition<number, number, Answer> = {
  ...ofTexts,
  read: readGrades,
  labelsOf(data) {
    refuseNothingToRank(data);
    return ['score'];
  },
  async encode(tokenizer, examples, options) {
    const windows = await encodeTexts(tokenizer, examples, options);
    const queries = new Map(queriesOf(examples).map(({ text }, query) => [text, query]));
    return windows.map((window) => ({ ...window, learnedWith: queries.get(examples[window.example].first)! }));
  },
  objective({ recipe, data }) {
    if (recipe.train.ranking_loss === 'pointwise') return relevanceCrossEntropy(highestGradeOf(data.examples));
    const longest = queriesOf(data.examples).reduce((most, { examples }) => Math.max(most, examples.length), 0);
    return listNet(Math.min(longest, mostOfGroup(recipe.train)));
  },
  reading({ examples, by }) {
    const { take, answers } = readLogits(1, examples.length);
    const learnedBy = 'usage' in by ? learnedByOf(by.usage) : { loss: lossOf(by.recipe), highestGrade: highestGradeOf(by.trainedOn.examples) }; // prettier-ignore
    return { take, answers: () => answers().map(([score]) => ({ score, learnedBy })) };
  },
  report({ examples, answers }) {
    const judged = answers.map(({ score }, at) => ({ grade: examples[at].label!, score }));
    const queries = queriesOf(examples).map(({ examples: places }) => places.map((at) => judged[at]));
    return rankingReport({ queries, learnedBy: answers[0]?.learnedBy ?? learnedByOf({}) });
  },
  counts: () => ({}),
  writer(data, output, { label, onBadRow, signal }) {
    const { first: query, second: text } = data.columns;
    const column = scoreColumn(data, label);
    const options = { query, text: text!, score: column, onBadRow, signal };
    refuseUnrankable(data.file, output, options);
    return {
      async write(answers) {
        const keyOf = ({ first, second }: Example) => candidateKey(first, second!);
        const scores = new Map(answers.map(({ score }, at) => [keyOf(data.examples[at]), rounded(score)]));
        return { ...(await writeRanked(data.file, output, scores, options)), column };
      },
    };
  },
  usage: ({ recipe, data }) => ({ ranking_loss: lossOf(recipe), highest_grade: highestGradeOf(data.examples) }),
  metric: 'ndcg@10',
  card: rankingCard,
};

const lossOf = ({ train }: ResolvedRecipe) => train.ranking_loss ?? 'listwise';

/** At least 1 where no grade says more: a share of it has to be a number. */
function highestGradeOf(examples: readonly Pick<Example, 'label'>[]): number {
  return examples.reduce((highest, { label = 0 }) => Math.max(highest, label), 0) || 1;
}

/** What a model folder keeps; of one that says nothing, the usual. */
function learnedByOf({ ranking_loss, highest_grade }: JsonObject): LearnedBy {
  return {
    loss: ranking_loss === 'pointwise' ? 'pointwise' : 'listwise',
    highestGrade: typeof highest_grade === 'number' && highest_grade > 0 ? highest_grade : 1,
  };
}

/** @throws LABELS where no query has candidates of different grades */
function refuseNothingToRank({ examples, file }: TaskData<number>): void {
  const differs = ({ examples: places }: { examples: readonly number[] }) =>
    places.some((at) => examples[at].label !== examples[places[0]].label);
  if (queriesOf(examples).some(differs)) return;
  throw new MedTextError(
    'LABELS',
    words`${file.path}: no query has texts of different grades, so there is nothing to rank. Rows of one query need the same text in the column of the first sequence.`,
    { file: file.path },
  );
}

/** The column named, else a new one at the end. @throws USAGE where the file has a column of the usual name */
function scoreColumn({ file }: TaskData<number>, named: WriteOptions['label']): string {
  if (named !== undefined) return named;
  const hasNames = file.format === 'json' || file.format === 'jsonl' || file.header;
  if (!hasNames) return String(file.columns.length);
  if (!file.columns.includes('score')) return 'score';
  throw new MedTextError(
    'USAGE',
    words`${file.path} has a column "score" already. Name the column that the scores are written to (--label).`,
    { file: file.path, column: 'score' },
  );
}

/** A score with the digits that float32 has. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
