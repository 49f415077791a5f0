import type { Translate } from '../base/translate';
import schema from './recipe.schema.json';

/** The part of JSON Schema that the recipe's schema uses for its fields. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  /** What each of `enum` means, in its order. */
  readonly enumDescriptions?: readonly string[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

const definitions = schema.definitions as Readonly<Record<string, SchemaNode>>;

/** The node with what its reference says beneath what it says itself. */
export function resolvedNode({ $ref, ...node }: SchemaNode): SchemaNode {
  return $ref === undefined ? node : { ...definitions[$ref.split('/').at(-1)!], ...node };
}

/** The schema of a field: `train.optimizer.lr`. Undefined where the recipe has no such field. */
export function fieldNode(path: string): SchemaNode | undefined {
  return path.split('.').reduce<SchemaNode | undefined>((node, name) => {
    const inside = node?.properties?.[name];
    return inside && resolvedNode(inside);
  }, schema as SchemaNode);
}

/** What a field means, in the language of `t`: its description, and a line for each value that has one of its own. */
export function fieldHelp(path: string, t: Translate): string {
  const { description, enum: values = [], enumDescriptions = [] } = fieldNode(path) ?? {};
  const lines = enumDescriptions.map((text, i) => `${values[i]}: ${t(text)}`);
  return [...(description === undefined ? [] : [t(description)]), ...lines].join('\n');
}
