import { stat } from 'node:fs/promises';
import {
  applyEdits,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
  printParseErrorCode,
  type ParseError,
} from 'jsonc-parser';
import { readTextFile } from '../base/textFile';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { PartialRecipe, Recipe } from '../protocol/recipe';

/** A recipe is a page; a file of this size is something else chosen by mistake. */
const MAX_BYTES = 4 * 1024 * 1024;

/** What the parser stumbled over, by its name for it. */
const PARSE_ERRORS: Readonly<Record<string, Words>> = {
  InvalidSymbol: words`invalid symbol`,
  InvalidNumberFormat: words`invalid number format`,
  PropertyNameExpected: words`property name expected`,
  ValueExpected: words`value expected`,
  ColonExpected: words`colon expected`,
  CommaExpected: words`comma expected`,
  CloseBraceExpected: words`close brace expected`,
  CloseBracketExpected: words`close bracket expected`,
  EndOfFileExpected: words`end of file expected`,
  InvalidCommentToken: words`invalid comment token`,
  UnexpectedEndOfComment: words`unexpected end of comment`,
  UnexpectedEndOfString: words`unexpected end of string`,
  UnexpectedEndOfNumber: words`unexpected end of number`,
  InvalidUnicode: words`invalid unicode`,
  InvalidEscapeCharacter: words`invalid escape character`,
  InvalidCharacter: words`invalid character`,
};

/**
 * Reads a `*.medtext.json` file, not yet validated: other sources may still be laid over or under it. Comments, trailing
 * commas and a byte order mark are accepted.
 * @throws NOT_FOUND, IO · RECIPE with line and column when it is not JSON
 */
export async function readRecipeFile(file: string): Promise<PartialRecipe> {
  return parseRecipeText(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES)
      throw new MedTextError('RECIPE', words`${file} is no recipe: it has ${size} bytes.`, { file });
    return await readTextFile(file);
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** As {@link readRecipeFile}, from text. @param where the file's name, for messages */
export function parseRecipeText(text: string, where: string): PartialRecipe {
  const errors: ParseError[] = [];
  let json: unknown;
  try {
    json = parse(withoutMark(text), errors, { allowTrailingComma: true });
  } catch (error) {
    // The parser recurses: brackets nested by the thousand exhaust the stack.
    throw new MedTextError(
      'RECIPE',
      words`${where} is no recipe: it is nested too deeply.`,
      { where },
      { cause: error },
    );
  }
  if (errors.length > 0) {
    const { error, offset } = errors[0];
    const { line, column } = positionAt(withoutMark(text), offset);
    const code = printParseErrorCode(error);
    const what = PARSE_ERRORS[code] ?? code;
    throw new MedTextError('RECIPE', words`${where}, line ${line}, column ${column}: not valid JSON (${what}).`, {
      where,
      line,
      column,
    });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new MedTextError('RECIPE', words`${where} is no recipe: a JSON object is expected.`, { where });
  }
  return json as PartialRecipe;
}

/** One field to set; `undefined` removes it. The path is of keys: `['train', 'optimizer', 'lr']`. */
export interface RecipeChange {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** The text with the fields set, everything else (order, comments, indentation, line ends) as the person wrote it. */
export function changedRecipeText(text: string, changes: readonly RecipeChange[]): string {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  let changed = withoutMark(text);
  const formattingOptions = formattingOf(changed);
  for (const { path, value } of changes) {
    changed = applyEdits(changed, modify(changed, [...path], value, { formattingOptions }));
  }
  return mark + changed;
}

/**
 * Sets fields in a recipe file, atomically and keeping the person's formatting.
 * @throws NOT_FOUND, IO, DISK_FULL · RECIPE when the file is not JSON
 */
export async function updateRecipeFile(file: string, changes: readonly RecipeChange[]): Promise<void> {
  const text = await readText(file);
  parseRecipeText(text, file);
  await writeFileAtomically(file, changedRecipeText(text, changes));
}

/** Writes a new recipe file, or replaces one, atomically. @throws IO, DISK_FULL */
export async function writeRecipeFile(file: string, recipe: Recipe): Promise<void> {
  await writeFileAtomically(file, `${JSON.stringify(recipe, null, 2)}\n`);
}

/**
 * Where a JSON pointer's value stands in the text, as line and column from 1 (the nearest thing around it, if it is not
 * there): to show a problem of `recipeProblems` at its place.
 */
export function locateInRecipe(text: string, pointer: string): { line: number; column: number } {
  const plain = withoutMark(text);
  const root = parseTree(plain, [], { allowTrailingComma: true });
  const keys = pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let depth = keys.length; root && depth >= 0; depth--) {
    let node = root as typeof root | undefined;
    for (const key of keys.slice(0, depth)) {
      node = node && findNodeAtLocation(node, [node.type === 'array' ? Number(key) : key]);
    }
    if (node) return positionAt(plain, (depth > 0 && node.parent?.type === 'property' ? node.parent : node).offset);
  }
  return { line: 1, column: 1 };
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** The indentation and line ends in use; two blanks and line feeds where there are none. */
function formattingOf(text: string): { insertSpaces: boolean; tabSize: number; eol: string } {
  const indentation = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indentation.startsWith('\t'),
    tabSize: indentation.startsWith('\t') ? 1 : indentation.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: before[before.length - 1].length + 1 };
}
