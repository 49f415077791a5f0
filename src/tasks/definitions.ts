import { describeTask, type AnswerKind, type TaskName } from '../protocol/tasks';
import { classification } from './classification';
import { maskedLanguage } from './maskedLanguage';
import { multiLabel } from './multiLabel/multiLabel';
import { ranking } from './ranking/ranking';
import { regression } from './regression';
import type { TaskDefinition } from './task';
import { tokenClassification } from './tokenClassification';

/** What answers alike is learned alike: one row a kind of answer. */
const DEFINITIONS: Readonly<Record<AnswerKind, TaskDefinition>> = {
  class: classification,
  number: regression,
  labels: multiLabel,
  rank: ranking,
  fill: maskedLanguage,
  spans: tokenClassification,
};

export function definitionOf(task: TaskName): TaskDefinition {
  return definitionFor(describeTask(task).answer);
}

export function definitionFor(answer: AnswerKind): TaskDefinition {
  return DEFINITIONS[answer];
}
