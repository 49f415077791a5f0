/** Pieces of Markdown for cards, made of any text. */

/** The bounds [low, high]. */
type Interval = readonly [number, number];

/** The last part of a path, of Windows or of other systems. */
export function fileName(path: string): string {
  return path.split(/[/\\]/).pop() ?? path;
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

export function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Escapes a text, so that Markdown and HTML in labels and names show as they are. Line breaks become spaces. */
export function inline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>|#]/g, (character) =>
      character === '<' ? '&lt;' : character === '>' ? '&gt;' : `\\${character}`,
    );
}

/** A text as code, also inside a table. Backquotes inside the text need a longer fence. */
export function code(text: string): string {
  const flat = text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${flat} ${fence}` : `${fence}${flat}${fence}`;
}

export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

export function countAndShare(value: number, total: number): string {
  return `${count(value)} (${percent(total === 0 ? 0 : value / total)})`;
}

export function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

export function percents([low, high]: Interval): string {
  return `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
}

export function decimal(value: unknown): string {
  return typeof value === 'number' && Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'undefined';
}

export function decimals(interval: Interval | null): string {
  return interval === null ? '' : `${interval[0].toFixed(3)} – ${interval[1].toFixed(3)}`;
}

export function labelList(labels: readonly string[]): string {
  const shown = labels.slice(0, 8).map((label) => code(label));
  return shown.join(', ') + (labels.length > shown.length ? `, … (${labels.length} labels)` : '');
}
