import { stat } from 'node:fs/promises';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { readTextFile } from '../base/textFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { PartialRecipe } from '../protocol/recipe';

/** A recipe is about a page long. A larger file was chosen by mistake. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The parser's errors by their names. */
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
 * Reads a `*.medtext.json` file without validating it, because callers lay other sources over or under it. Comments,
 * trailing commas and a byte order mark are accepted.
 * @throws MedTextError NOT_FOUND or IO; RECIPE with line and column when the file is not JSON.
 */
export async function readRecipeFile(file: string): Promise<PartialRecipe> {
  return parseRecipeText(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    // The error of a file that is not there comes from reading it.
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    if (size > MAX_BYTES)
      throw new MedTextError('RECIPE', words`${file} is not a recipe: it has ${size} bytes.`, { file });
    return await readTextFile(file);
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** {@link readRecipeFile} for a text. @param where the file's name, for messages */
export function parseRecipeText(text: string, where: string): PartialRecipe {
  const errors: ParseError[] = [];
  let json: unknown;
  try {
    json = parse(withoutMark(text), errors, { allowTrailingComma: true });
  } catch (error) {
    // The parser recurses, so thousands of nested brackets would exhaust the stack.
    throw new MedTextError(
      'RECIPE',
      words`${where} is not a recipe: it is nested too deeply.`,
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
    throw new MedTextError('RECIPE', words`${where} is not a recipe: a JSON object is expected.`, { where });
  }
  return json as PartialRecipe;
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: before[before.length - 1].length + 1 };
}
