import { MedTextError, words } from '../base/errors';
import { excerptOf, textOf, type DataValue } from './dataRow';
import { columnLetters } from './workbook';
import { zipArchive } from './zipArchive';

/** Excel's own limits (Excel specifications and limits, "Worksheet and workbook"). */
const MAX_CELL = 32_767;
const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;

/** Numbers of `cellXfs` in `STYLES`. A text keeps the format "@": edited in a spreadsheet program it does not become a formula. */
const TEXT = 1;
const TITLE = 2;

export interface WorkbookTable {
  readonly sheet?: string;
  readonly columns: readonly string[];
  /** Whether the first row has the names of the columns. */
  readonly isNamed: boolean;
}

/**
 * An XLSX workbook with one sheet (ECMA-376 part 1, SpreadsheetML), made as its rows come. Strings are text cells, whatever they look
 * like: `007`, `=1+1`, `@a` and `1e5` stay as they are. Numbers and truth values keep their type; lists and objects are JSON texts.
 *
 * @throws UNSUPPORTED for a text, rows or columns beyond what a sheet holds; what the rows throw
 */
export function workbookFile(
  { sheet = 'Sheet1', columns, isNamed }: WorkbookTable,
  rows: AsyncIterable<readonly (readonly DataValue[])[]>,
): AsyncGenerator<Uint8Array> {
  if (columns.length > MAX_COLUMNS) {
    throw new MedTextError('UNSUPPORTED', words`There are ${columns.length} columns; a sheet of a workbook holds ${MAX_COLUMNS}. Write CSV or JSON Lines.`); // prettier-ignore
  }
  return zipArchive([
    { name: '[Content_Types].xml', content: only(CONTENT_TYPES) },
    { name: '_rels/.rels', content: only(relationships([['officeDocument', 'xl/workbook.xml']])) },
    { name: 'xl/workbook.xml', content: only(`${PROLOGUE}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escaped(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>`) }, // prettier-ignore
    { name: 'xl/_rels/workbook.xml.rels', content: only(relationships([['worksheet', 'worksheets/sheet1.xml'], ['styles', 'styles.xml']])) }, // prettier-ignore
    { name: 'xl/styles.xml', content: only(STYLES) },
    { name: 'xl/worksheets/sheet1.xml', content: sheetXml(columns, isNamed, rows) },
  ]);
}

async function* sheetXml(
  columns: readonly string[],
  isNamed: boolean,
  batches: AsyncIterable<readonly (readonly DataValue[])[]>,
): AsyncGenerator<string> {
  const frozen = isNamed ? '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>' : ''; // prettier-ignore
  yield `${PROLOGUE}<worksheet xmlns="${MAIN}">${frozen}<sheetData>`;
  const letters = columns.map((_, at) => columnLetters(at));
  let number = 0;
  const row = (values: readonly DataValue[], style: number): string => {
    if (++number > MAX_ROWS) {
      throw new MedTextError('UNSUPPORTED', words`A sheet of a workbook holds ${MAX_ROWS} rows, and there are more. Write CSV or JSON Lines.`); // prettier-ignore
    }
    return `<row r="${number}">${values.map((value, at) => cell(value, style, `${letters[at]}${number}`)).join('')}</row>`; // prettier-ignore
  };
  if (isNamed) yield row(columns, TITLE);
  for await (const batch of batches) {
    const text = batch.map((values) => row(values, TEXT)).join('');
    if (text !== '') yield text;
  }
  // Without this a program marks each label that is a digit.
  yield `</sheetData><ignoredErrors><ignoredError sqref="A1:XFD${MAX_ROWS}" numberStoredAsText="1"/></ignoredErrors></worksheet>`;
}

function cell(value: DataValue, style: number, place: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return `<c r="${place}" t="b"><v>${Number(value)}</v></c>`;
  if (typeof value === 'number' && Number.isFinite(value)) return `<c r="${place}"><v>${value}</v></c>`;
  const text = textOf(value);
  if (text.length > MAX_CELL) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The text of the cell ${place} would have ${text.length} characters, and a cell of a workbook holds ${MAX_CELL}: ${excerptOf(text, 40)}. Write CSV or JSON Lines.`,
      { cell: place, length: text.length },
    );
  }
  return `<c r="${place}" t="inlineStr" s="${style}"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** What XML 1.0 cannot hold, carriage returns, which it would change, and what would be read as such an escape. */
// oxlint-disable-next-line no-control-regex
const UNWRITABLE = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|_(?=x[0-9A-Fa-f]{4}_)/g; // prettier-ignore

/** Escapes characters that XML cannot hold as `_xHHHH_` (ECMA-376 part 1, 22.4.2.4, ST_Xstring). */
function escaped(text: string): string {
  return text
    .replace(UNWRITABLE, (unit) => `_x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replace(/[&<>"]/g, (character) => ESCAPES[character]);
}

async function* only(text: string): AsyncGenerator<string> {
  yield text;
}

const PROLOGUE = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';

function relationships(targets: readonly (readonly [type: string, target: string])[]): string {
  const all = targets.map(([type, target], at) => `<Relationship Id="rId${at + 1}" Type="${OFFICE}/${type}" Target="${target}"/>`); // prettier-ignore
  return `${PROLOGUE}<Relationships xmlns="${PACKAGE}/relationships">${all.join('')}</Relationships>`;
}

const SPREADSHEET = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
const PARTS = [['workbook', 'sheet.main'], ['worksheets/sheet1', 'worksheet'], ['styles', 'styles']]; // prettier-ignore
const CONTENT_TYPES = `${PROLOGUE}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${PARTS.map(([part, type]) => `<Override PartName="/xl/${part}.xml" ContentType="${SPREADSHEET}.${type}+xml"/>`).join('')}</Types>`; // prettier-ignore
/** Number format 49 is "@", text. */
const STYLES = `${PROLOGUE}<styleSheet xmlns="${MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/><xf xfId="0" numFmtId="49" applyNumberFormat="1"/><xf xfId="0" numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`; // prettier-ignore
