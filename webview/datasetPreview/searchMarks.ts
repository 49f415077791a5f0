import type { RowSearch } from '../../src/protocol/datasetPreview';

/** A part of a cell's text. `hit` means that the search found it. */
export interface SearchStretch {
  readonly text: string;
  readonly hit: boolean;
}

const maxHits = 200;

/** The JavaScript engine's message about an invalid regular expression. Undefined if it is valid. */
export function expressionProblem({ text, regex }: RowSearch): string | undefined {
  if (!regex) return undefined;
  try {
    new RegExp(text, 'u');
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, '');
  }
}

/**
 * The expression that marks hits in visible cells. Undefined if it might be slow, because a person can cancel the
 * host's search but not a page that hangs. Expressions with repeated groups or more than two open repetitions might be
 * slow.
 */
export function markExpression({ text, regex, caseSensitive }: RowSearch): RegExp | undefined {
  if (text === '') return undefined;
  const flags = caseSensitive ? 'gu' : 'giu';
  if (!regex) return new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), flags);
  const bare = text.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
  const openRepetitions = bare.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0;
  if (/\)[*+{]/.test(bare) || /\\[1-9k]/.test(text) || openRepetitions > 2) return undefined;
  try {
    return new RegExp(text, flags);
  } catch {
    return undefined;
  }
}

/** The text in parts with and without a hit. Without an expression the text is one part without a hit. */
export function searchStretches(text: string, expression: RegExp | undefined): readonly SearchStretch[] {
  if (!expression) return [{ text, hit: false }];
  const stretches: SearchStretch[] = [];
  let end = 0;
  let hits = 0;
  for (const match of text.matchAll(expression)) {
    if (match[0] === '') continue;
    if (match.index > end) stretches.push({ text: text.slice(end, match.index), hit: false });
    stretches.push({ text: match[0], hit: true });
    end = match.index + match[0].length;
    if (++hits >= maxHits) break;
  }
  if (end < text.length) stretches.push({ text: text.slice(end), hit: false });
  return stretches;
}
