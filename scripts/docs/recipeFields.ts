/** The page of all recipe fields, with values, defaults and meanings from the schema. */
import { resolvedNode, type SchemaNode } from '../../src/protocol/fieldHelp';
import schema from '../../src/protocol/recipe.schema.json';
import { cell, pageHead, table, type Translator } from './languages';

const definitions = schema.definitions as Readonly<Record<string, SchemaNode>>;

/** The fields inside a node. The node may also allow null or another type. */
function fieldsOf(node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  const forms = [node, ...(node.anyOf ?? []).map(resolvedNode)];
  return Object.assign({}, ...forms.map(({ properties }) => properties ?? {})) as Record<string, SchemaNode>;
}

function requiredOf(node: SchemaNode): readonly string[] {
  return [node, ...(node.anyOf ?? []).map(resolvedNode)].flatMap(({ required }) => required ?? []);
}

export function recipeFieldsPage(translator: Translator): string {
  const { page: say, product, language } = translator;
  const head = [say('field'), say('values'), say('default'), say('meaning')];
  const rowsOf = (node: SchemaNode, prefix: string): string[][] =>
    Object.entries(fieldsOf(node)).flatMap(([name, given]) => {
      const field = resolvedNode(given);
      const inside = field === undefined || name === 'label_details' ? [] : rowsOf(field, `${prefix}${name}.`);
      return [[`\`${prefix}${name}\``, valuesOf(field), defaultOf(field, requiredOf(node).includes(name)), meaningOf(field)], ...inside]; // prettier-ignore
    });
  const defaultOf = (field: SchemaNode, isRequired: boolean): string => {
    if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
    return isRequired ? say('required') : '';
  };
  const meaningOf = ({ description = '', items, ...node }: SchemaNode): string => {
    const { enum: names = [], enumDescriptions = [] } = items?.enum ? items : node;
    const details = enumDescriptions.map((text, i) => `\`${names[i]}\`: ${product(text)}`);
    const separator = language === 'en' ? '; ' : '；';
    return cell([description && product(description), details.join(separator)].filter(Boolean).join(' '));
  };

  const { dataset, train, $schema, ...rest } = schema.properties as unknown as Record<string, SchemaNode>;
  const { split, train: ofTrain, validation, test, ...ofAll } = fieldsOf(dataset);
  const splits = { train: ofTrain, validation, test };
  const section = (title: string, rows: string[][]): string[] => ['', `## ${title}`, '', ...table(head, rows)];
  const top = Object.fromEntries(Object.entries({ $schema, ...rest }).filter(([name]) => name !== 'model_head'));
  return [
    ...pageHead(say('Recipe fields'), 'recipe-fields.md', language),
    say('This page is made from the recipe schema by `npm run docs`. [Recipes](recipes.md) explains the file and its addresses.'), // prettier-ignore
    ...section(say('The recipe'), rowsOf({ properties: top, required: schema.required }, '')),
    ...section(say('Data: `dataset.train`, `dataset.validation`, `dataset.test`'), [
      ...Object.entries(splits).map(([name, node]) => [
        `\`dataset.${name}\``,
        '`object`',
        name === 'train' ? say('required') : '',
        meaningOf(node),
      ]),
      ...rowsOf(definitions.split, '… .'),
      ...rowsOf(definitions.labelDetails, '… .label_details.NAME.'),
    ]),
    ...section(say('Cleaning: `dataset.clean`, `dataset.drop_duplicates`'), rowsOf({ properties: ofAll }, 'dataset.')),
    ...section(say('A held-out part: `dataset.split`'), rowsOf(split, 'dataset.split.')),
    ...section(say('Training: `train`'), rowsOf(train, 'train.')),
    ...section(say('The head: `model_head`'), rowsOf(rest.model_head, 'model_head.')),
    '',
  ].join('\n');
}

/** A field's types and bounds in JSON Schema's own words, which need no translation. */
function valuesOf(field: SchemaNode): string {
  if (field.enum) return field.enum.map((name) => `\`"${name}"\``).join(', ');
  if (field.anyOf) return [...new Set(field.anyOf.map(resolvedNode).map(valuesOf))].join(', ');
  if (field.properties) return typeNames(field).includes('null') ? '`object`, `null`' : '`object`';
  const { items } = field;
  return typeNames(field)
    .map((type) => {
      if (type === 'array') return items ? `[${valuesOf(resolvedNode(items))}, …]` : '`array`';
      return type === 'integer' || type === 'number' ? `\`${type}\`${boundsOf(field)}` : `\`${type}\``;
    })
    .join(', ');
}

function typeNames({ type = [] }: SchemaNode): readonly string[] {
  return typeof type === 'string' ? [type] : type;
}

function boundsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SchemaNode): string {
  const low = minimum !== undefined ? `≥ ${minimum}` : exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : '';
  const high = maximum !== undefined ? `≤ ${maximum}` : exclusiveMaximum !== undefined ? `< ${exclusiveMaximum}` : '';
  const bounds = [low, high].filter(Boolean).join(', ');
  return bounds && ` ${bounds}`;
}

/** All descriptions of a schema. Each of them needs Chinese in the bundle. */
export function descriptionsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'description' && typeof value === 'string') return [value];
    if (key === 'enumDescriptions') return value as string[];
    if (key === 'examples') return [];
    return descriptionsIn(value);
  });
}
