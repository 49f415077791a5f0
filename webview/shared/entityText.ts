import { html, type TemplateResult } from 'lit';

/** Of many types the colours repeat, their names do not. */
export const typeColors = 6;

/** An entity with the place of its type among the types. */
export interface ShownEntity {
  readonly start: number;
  readonly end: number;
  readonly type: string;
  readonly index: number;
}

/** A text with its entities marked, those inside others in them; a crossing one begins anew where the other ends. */
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
