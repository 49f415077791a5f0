import type { EntityExamples } from '../../data/entities/readEntities';

const ENDS = {
  recipe: 'named by the recipe',
  text: "by the entities' own text",
  bounds: 'by entities at the ends of texts',
  format: 'by the format',
} as const;

/** What a person should know of a file of entities, one line each: what its offsets mean, and what was left out. */
export function entityRemarks({ convention, findings, columns }: EntityExamples): string[] {
  const lines: string[] = [];
  if (convention && convention.source !== 'format') {
    const { end, unit, source } = convention;
    lines.push(`ends of ${JSON.stringify(columns.label)} are ${end} (${ENDS[source]})${unit === 'utf16' ? ', counted in UTF-16 units' : ''}`); // prettier-ignore
  }
  const { flawed, normalized, overlapping, dropped, repeated } = findings;
  const first = ({ reports }: typeof flawed) => `(first: line ${reports[0].line}, ${String(reports[0].reason)})`;
  if (flawed.count > 0)
    lines.push(`left out: ${flawed.count} entities that are not at their position ${first(flawed)}`);
  if (normalized.count > 0) lines.push(`kept: ${normalized.count} entities that the text writes in another case or width ${first(normalized)}`); // prettier-ignore
  if (overlapping.count > 0) lines.push(`${overlapping.count} pairs of entities overlap in ${overlapping.rows} texts ${first(overlapping)}`); // prettier-ignore
  if (dropped > 0) lines.push(`left out: ${dropped} entities that overlap a longer one, because a token has one tag. A span head can learn them (model_head.type "spans")`); // prettier-ignore
  if (repeated > 0) lines.push(`counted once: ${repeated} entities that are listed twice in a text`);
  return lines;
}
