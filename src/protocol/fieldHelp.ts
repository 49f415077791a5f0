import type { Translate } from '../base/translate';
import schema from './recipe.schema.json';

/** The part of JSON Schema that the recipe's schema uses for its fields. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  /** The meaning of each value of `enum`, in the same order. */
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

/** The node with its reference resolved. The node's own keywords take precedence. */
export function resolvedNode({ $ref, ...node }: SchemaNode): SchemaNode {
  return $ref === undefined ? node : { ...definitions[$ref.split('/').at(-1)!], ...node };
}

/** The schema of a field such as `train.optimizer.lr`; undefined if the recipe has no such field. */
export function fieldNode(path: string): SchemaNode | undefined {
  return path.split('.').reduce<SchemaNode | undefined>((node, name) => {
    const inside = node?.properties?.[name];
    return inside && resolvedNode(inside);
  }, schema as SchemaNode);
}

/** The help for a field in the language of `t`: its description, then one line for each value that has a description. */
export function fieldHelp(path: string, t: Translate): string {
  const { description, enum: values = [], enumDescriptions = [] } = fieldNode(path) ?? {};
  const lines = enumDescriptions.map((text, i) => `${values[i]}: ${t(text)}`);
  return [...(description === undefined ? [] : [t(description)]), ...lines].join('\n');
}
