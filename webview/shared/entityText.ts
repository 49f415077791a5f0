import { html, type TemplateResult } from 'lit';

/** How many colours there are. With more types than this, types share colours. */
export const typeColors = 6;

/**
 * An entity in a text. `start` and `end` count UTF-16 units; `index` is the type's place among all types, -1 if it has
 * none.
 */
export interface ShownEntity {
  readonly start: number;
  readonly end: number;
  readonly type: string;
  readonly index: number;
}

/**
 * A text with its entities marked. An entity inside another one is marked inside its mark. If two entities cross, the
 * later one gets a second mark where the earlier one ends.
 */
export function entityContent(text: string, entities: readonly ShownEntity[]): TemplateResult {
  return html`<bdi dir="auto">${between(text, 0, text.length, entities)}</bdi>`;
}

function between(
  text: string,
  from: number,
  to: number,
  entities: readonly ShownEntity[],
): (string | TemplateResult)[] {
  const parts: (string | TemplateResult)[] = [];
  let at = from;
  let rest = entities;
  while (rest.length > 0) {
    const [entity, ...others] = rest;
    const [start, end] = [Math.max(at, entity.start), Math.min(to, entity.end)];
    const inside = others.filter((other) => other.start < end && other.start >= start);
    rest = others.filter((other) => !inside.includes(other) || other.end > end);
    if (start >= end) continue;
    parts.push(text.slice(at, start));
    const content = between(text, start, end, inside);
    const color = `entity color-${entity.index < 0 ? 'none' : entity.index % typeColors}`;
    parts.push(
      html`<span class=${color} title=${entity.type}>${content}<span class="type">${entity.type}</span></span>`,
    );
    at = end;
  }
  parts.push(text.slice(at, to));
  return parts;
}
