import { findNodeAtLocation, modify, parse, parseTree, type ParseError } from 'jsonc-parser';
import { MedTextError } from '../../base/errors';
import type { Translate } from '../../base/translate';
import { fieldHelp, fieldNode } from '../../protocol/fieldHelp';
import { recipeProblems, setPath, type PartialRecipe } from '../../protocol/recipe';
import { tooLongText } from '../recipe/recipeProblems';
import { knobFields, type Knob, type KnobField, type ShownRecipe } from '../../protocol/trainingView';

/** One replacement in a text; offsets count characters. */
export interface TextChange {
  readonly offset: number;
  readonly length: number;
  readonly content: string;
}

/** What the view shows of a recipe's text, which may be broken: then its problem says how. */
export function shownRecipeOf(
  text: string,
  names: { readonly id: string; readonly name: string; readonly path: string },
  t: Translate,
): ShownRecipe {
  const errors: ParseError[] = [];
  const parsed: unknown = parse(text, errors);
  const recipe = isObject(parsed) ? parsed : {};
  const problems = errors.length > 0 ? [] : recipeProblems(parsed, t);
  const first = problems[0];
  return {
    ...names,
    task: shortText(recipe.task),
    model: shortText(recipe.model),
    train: shortText(at(recipe, ['dataset', 'train', 'file'])),
    validation: shortText(at(recipe, ['dataset', 'validation', 'file'])) || heldOutText(at(recipe, ['dataset', 'split', 'validation']), t), // prettier-ignore
    test: shortText(at(recipe, ['dataset', 'test', 'file'])) || null,
    knobs: knobFields.map((field) => knobOf(recipe, field, t)),
    problem:
      errors.length > 0
        ? notJson(text, errors[0].offset, t)
        : first
          ? `${first.pointer} ${first.message}`.trim()
          : null,
  };
}

/** The held-out share of the training data, as text. */
function heldOutText(share: unknown, t: Translate): string | null {
  return typeof share === 'number' ? t('{0} % held out', Number((100 * share).toPrecision(3))) : null;
}

/**
 * The changes that set one field of a recipe, everything else left as the person wrote it. An empty value takes the
 * field out.
 * @throws RECIPE when the text is not JSON or the value does not fit the field
 */
export function recipeChanges(
  text: string,
  field: KnobField,
  value: string,
  t: Translate,
  /** Tokens that the recipe's model reads at most, by the model as the recipe names it. */
  positionsOf: (model: string) => number | undefined = () => undefined,
): readonly TextChange[] {
  const errors: ParseError[] = [];
  const recipe: unknown = parse(text, errors);
  if (errors.length > 0 || !isObject(recipe)) {
    throw new MedTextError('RECIPE', notJson(text, errors[0]?.offset ?? 0, t), { field });
  }
  const path = field.split('.');
  const written = value.trim();
  if (written === '') {
    return at(recipe, path) === undefined ? [] : modify(text, path, undefined, options(text));
  }
  const changed = setPath(recipe as PartialRecipe, `${field}=${written}`);
  const pointer = `/${path.join('/')}`;
  const problem = recipeProblems(changed, t).find((found) => `${found.pointer}/`.startsWith(`${pointer}/`));
  if (problem) throw new MedTextError('RECIPE', problem.message, { field, value });

  const target = at(changed as Record<string, unknown>, path);
  const positions = field === 'train.max_length' && typeof recipe.model === 'string' ? positionsOf(recipe.model) : undefined; // prettier-ignore
  if (positions !== undefined && Number(target) > positions) {
    throw new MedTextError('RECIPE', tooLongText(positions, t), { field, value });
  }
  // A number stays as it was typed: 3e-5, not 0.00003.
  const content = typeof target === 'number' ? written : JSON.stringify(target);
  const node = findNodeAtLocation(parseTree(text)!, path);
  if (node) return [{ offset: node.offset, length: node.length, content }];
  const placeholder = modify(text, path, target, options(text));
  return placeholder.map((edit) => ({
    ...edit,
    content: withLastReplaced(edit.content, JSON.stringify(target), content),
  }));
}

function knobOf(recipe: Record<string, unknown>, field: KnobField, t: Translate): Knob {
  const given = at(recipe, field.split('.'));
  const value = knobText(given === undefined ? fieldNode(field)?.default : given);
  return { field, value, isDefault: given === undefined, help: fieldHelp(field, t) };
}

/** A value as a person types it; null ("as the model says") is an empty field. */
function knobText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') {
    return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential().replace('e-0', 'e-') : String(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shortText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 500) : '';
}

function notJson(text: string, offset: number, t: Translate): string {
  const line = text.slice(0, offset).split('\n').length;
  return t('The recipe is not valid JSON; see line {0}.', line);
}

function options(text: string) {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  const insertSpaces = !indent.startsWith('\t');
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return { formattingOptions: { insertSpaces, tabSize: insertSpaces ? indent.length : 4, eol } };
}

function withLastReplaced(text: string, old: string, replacement: string): string {
  const start = text.lastIndexOf(old);
  return start < 0 ? text : text.slice(0, start) + replacement + text.slice(start + old.length);
}
