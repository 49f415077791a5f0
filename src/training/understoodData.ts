/** What a run learns from, said before its first step: nothing is guessed in silence. */
import { basename } from 'node:path';
import { fieldWords, ROLE_NAMES, type UnderstoodData, type UsedField } from '../protocol/fieldGuess';
import { saysNoLabel } from '../protocol/labelScheme';
import type { TaskData } from '../tasks/task';

const MAX_LABELS = 100;
const MAX_LOGGED_LABELS = 20;
/** A number of labels that is rarely one of real classes. */
const MANY_LABELS = 50;

export function understand(task: string, data: TaskData): UnderstoodData {
  return {
    task,
    rows: data.examples.length,
    fields: usedFields(data),
    labels: data.labels.slice(0, MAX_LABELS).map((name, id) => ({ name, count: data.counts[id] })),
    labelCount: data.labels.length,
  };
}

/** The columns read; a column that the recipe names has no reason. */
export function usedFields({ columns, guess, named }: Pick<TaskData, 'columns' | 'guess' | 'named'>): UsedField[] {
  // prettier-ignore
  const read = { firstSequence: columns.first, secondSequence: columns.second, label: columns.label };
  return (Object.keys(ROLE_NAMES) as (keyof typeof read)[]).flatMap((role) => {
    const column = read[role];
    if (column === undefined) return [];
    const found = named.includes(role) ? undefined : guess?.found.find((field) => field.role === role);
    return [{ role, column, ...(found && { reason: found.reason }) }];
  });
}

/** For the log: columns, task, labels with their counts, and what looks odd about them. */
export function understoodLines(task: string, data: TaskData): string[] {
  const { rows, fields, labels, labelCount } = understand(task, data);
  const lines = [`${basename(data.file.path)}: ${counted(rows, 'row')}; the task is ${task}`];
  lines.push(...data.file.warnings.map(String), ...fields.map((field) => `  ${String(fieldWords(field))}`));
  lines.push(...(data.notes ?? []).map((note) => `  ${note}`));
  if (data.dropped > 0) lines.push(`  left out by label_mapping: ${counted(data.dropped, 'row')}`);
  const { count: bad, reports } = data.badRows;
  if (bad > 0)
    lines.push(`  left out: ${counted(bad, 'bad row')} (first: line ${reports[0].line}, ${String(reports[0].reason)})`);
  lines.push(...(data.remarks ?? []).map((remark) => `  ${remark}`));
  if (labelCount === 0) return lines;

  const shown = labels.slice(0, MAX_LOGGED_LABELS).map(({ name, count }) => `${name} (${count})`);
  if (labelCount > shown.length) shown.push(`and ${labelCount - shown.length} more`);
  lines.push(`  ${counted(labelCount, 'label')}: ${shown.join(', ')}`);
  for (const { name, count } of labels.filter((label) => saysNoLabel(label.name))) {
    lines.push(`  ${JSON.stringify(name)} is a class of ${counted(count, 'row')}. If it says that a row has no label, map it to null in label_mapping (--map ${name}=).`); // prettier-ignore
  }
  const single = data.counts.filter((count) => count <= 1).length;
  if (labelCount > MANY_LABELS || single * 2 > Math.max(labelCount, 4)) {
    lines.push(`  Is ${JSON.stringify(data.columns.label)} the label? ${single} of its ${counted(labelCount, 'value')} occur in at most one row.`); // prettier-ignore
  }
  return lines;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
