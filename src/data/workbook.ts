import { open, type ZipFile, type Entry } from 'yauzl';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { BadRow, DataRow, DataValue } from './dataRow';
import { recordOf } from './dataRow';
import { Fault, faultOf } from './fault';

const MAX_COLUMNS = 16_384; // Excel's own limit.
/** Shared strings stay in memory, for cells refer to them by number. */
const MAX_SHARED_CHARACTERS = 1 << 28;
/** Elements within each other; a worksheet has ten at most. */
const MAX_DEPTH = 100;
/** Characters of a number format: spreadsheet programs allow 255. */
const MAX_FORMAT_LENGTH = 1000;
/** XML text between two tags; beyond it the file is not one that a spreadsheet program wrote. */
const MAX_TEXT_BYTES = 1 << 26;

type Cell = string | number | boolean | null;

/** One row of a sheet: its number from 1, and its cells by column. */
export interface SheetRow {
  readonly line: number;
  readonly cells: readonly Cell[];
}

/** One sheet of a workbook, read from the disk each time. */
export interface Workbook {
  readonly sheetName: string;
  /** The names of all worksheets in the workbook's order, hidden ones among them. */
  readonly sheets: readonly string[];
  /** The sheets that are not hidden. */
  readonly visibleSheets: readonly string[];
  /** The rows that hold anything. Errors: `DATA_FORMAT` for broken XML or a file cut short, `IO`, `CANCELLED`. */
  rows(signal?: AbortSignal): AsyncGenerator<SheetRow[]>;
  /** Cells that hold a formula (their stored result is read), those of them without one, and error values; of the last `rows`. */
  readonly oddities: {
    formulas: number;
    firstFormula: string;
    withoutValue: number;
    errors: number;
    firstError: string;
  };
}

/**
 * Opens an XLSX workbook (ECMA-376 part 1, SpreadsheetML). Read are values: stored results of formulas, dates as ISO 8601
 * texts, errors such as #N/A as missing.
 *
 * @param sheetName the sheet to read; else the first visible one
 * Errors: `DATA_FORMAT` for what is no workbook or broken; `NOT_FOUND` with the sheets there are; `UNSUPPORTED` for encrypted and
 * binary (.xlsb) ones, and for one with more text than fits in memory; `IO`.
 */
export async function openWorkbook(path: string, sheetName?: string): Promise<Workbook> {
  const main = await withZip(path, async (zip) => {
    if (!zip.entries.has('xl/workbook.xml')) {
      if ([...zip.entries.keys()].some((name) => name.endsWith('workbook.bin'))) {
        throw new MedTextError('UNSUPPORTED', words`${path} is a binary workbook; save it as .xlsx or CSV.`, {
          file: path,
        });
      }
      throw new MedTextError('DATA_FORMAT', words`${path} is a zip archive, but not an XLSX workbook.`, { file: path });
    }
    const targets = new Map<string, string>();
    const rowless = new Set<string>();
    if (zip.entries.has('xl/_rels/workbook.xml.rels')) {
      await parseXml(path, zip, 'xl/_rels/workbook.xml.rels', (tag, attributes) => {
        if (tag !== 'Relationship') return;
        targets.set(attributes.Id ?? '', attributes.Target ?? '');
        // A chart or a macro on a sheet of its own has no rows.
        if (/\/(chartsheet|dialogsheet|xlMacrosheet)$/i.test(attributes.Type ?? '')) rowless.add(attributes.Id ?? '');
      });
    }
    const sheets: { name: string; part: string; isHidden: boolean }[] = [];
    let date1904 = false;
    await parseXml(path, zip, 'xl/workbook.xml', (tag, attributes) => {
      if (tag === 'workbookPr') date1904 = attributes.date1904 === '1' || attributes.date1904 === 'true';
      if (tag !== 'sheet' || rowless.has(attributes['r:id'] ?? '')) return;
      const target = targets.get(attributes['r:id'] ?? '') ?? `worksheets/sheet${sheets.length + 1}.xml`;
      const part = target.startsWith('/') ? target.slice(1) : `xl/${target}`;
      const isHidden = (attributes.state ?? 'visible') !== 'visible';
      sheets.push({ name: attributes.name ?? `Sheet${sheets.length + 1}`, part, isHidden });
    });
    const worksheets = sheets.filter(({ part }) => zip.entries.has(part));
    if (worksheets.length === 0)
      throw new MedTextError('DATA_FORMAT', words`${path}: the workbook has no sheet.`, { file: path });
    const names = worksheets.map(({ name }) => name);
    const visible = worksheets.filter(({ isHidden }) => !isHidden).map(({ name }) => name);
    const sheet = sheetName === undefined ? (worksheets.find(({ isHidden }) => !isHidden) ?? worksheets[0]) : worksheets.find(({ name }) => name === sheetName); // prettier-ignore
    if (!sheet) {
      throw new MedTextError(
        'NOT_FOUND',
        words`${path} has no sheet ${JSON.stringify(sheetName)}; its sheets are: ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
        { file: path, sheet: sheetName, sheets: names },
      );
    }
    const strings = zip.entries.has('xl/sharedStrings.xml') ? await sharedStrings(path, zip) : [];
    const dateStyles = zip.entries.has('xl/styles.xml') ? await dateStylesOf(path, zip) : new Set<number>();
    return { sheet, names, visible, strings, dateStyles, date1904 };
  });
  const oddities = { formulas: 0, firstFormula: '', withoutValue: 0, errors: 0, firstError: '' };
  return {
    sheetName: main.sheet.name,
    sheets: main.names,
    visibleSheets: main.visible,
    oddities,
    async *rows(signal) {
      Object.assign(oddities, { formulas: 0, firstFormula: '', withoutValue: 0, errors: 0, firstError: '' });
      const zip = await openZip(path);
      try {
        yield* sheetRows(path, zip, main, oddities, signal);
      } finally {
        zip.close();
      }
    },
  };
}

/** The rows of a workbook as records; the first `skipped` ones are titles and the names of the columns. */
export async function* workbookRecords(
  workbook: Workbook,
  columns: readonly string[],
  skipped: number,
  signal?: AbortSignal,
): AsyncGenerator<DataRow | BadRow> {
  let ahead = skipped;
  for await (const batch of workbook.rows(signal)) {
    for (const { line, cells } of batch) {
      if (ahead > 0) {
        ahead--;
        continue;
      }
      if (cells.length > columns.length && cells.slice(columns.length).some((cell) => cell !== null)) {
        const excerpt = cells.map((cell) => cell ?? '').join(' | ');
        yield {
          line,
          reason: words`${columns.length} columns are expected, ${cells.length} found`,
          excerpt: excerpt.slice(0, 80),
        };
        continue;
      }
      yield {
        line,
        values: recordOf(
          columns,
          columns.map((_, i): DataValue => cells[i] ?? null),
        ),
      };
    }
  }
}

interface Zip {
  readonly entries: ReadonlyMap<string, Entry>;
  stream(entry: Entry): Promise<AsyncIterable<Buffer> & { destroy(): void }>;
  close(): void;
}

const MAX_ENTRIES = 10_000;

async function openZip(path: string): Promise<Zip> {
  const broken = (error: unknown): MedTextError => {
    const known = asMedTextError(error);
    if (known.code !== 'INTERNAL') return known;
    return new MedTextError('DATA_FORMAT', words`${path} is cut short or broken: ${faultOf(error)}.`, { file: path });
  };
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    open(path, { autoClose: false, lazyEntries: true }, (error, file) =>
      error ? reject(broken(error)) : resolve(file),
    );
  });
  const entries = new Map<string, Entry>();
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: Entry) => {
        entries.set(entry.fileName, entry);
        if (entries.size > MAX_ENTRIES) reject(broken(new Fault(words`it has too many parts`)));
        else zip.readEntry();
      });
      zip.on('end', resolve);
      zip.on('error', (error) => reject(broken(error)));
      zip.readEntry();
    });
  } catch (error) {
    zip.close();
    throw error;
  }
  return {
    entries,
    stream: (entry) =>
      new Promise((resolve, reject) => {
        if (entry.isEncrypted()) {
          reject(new MedTextError('UNSUPPORTED', words`${path} is protected with a password.`, { file: path }));
          return;
        }
        zip.openReadStream(entry, (error, stream) => (error ? reject(broken(error)) : resolve(stream as never)));
      }),
    close: () => zip.close(),
  };
}

async function withZip<T>(path: string, work: (zip: Zip) => Promise<T>): Promise<T> {
  const zip = await openZip(path);
  try {
    return await work(zip);
  } finally {
    zip.close();
  }
}

type Attributes = Readonly<Record<string, string | undefined>>;

interface XmlHandlers {
  open(tag: string, attributes: Attributes): void;
  close?(tag: string): void;
  text?(text: string): void;
}

/** Feeds a part to handlers, a chunk at a time; yields after each, so that what they gathered can be handed on. */
async function* xmlEvents(
  path: string,
  zip: Zip,
  part: string,
  handlers: XmlHandlers,
  signal?: AbortSignal,
): AsyncGenerator<void> {
  const parser = new SaxesParser({ xmlns: false, position: false });
  let quietBytes = 0;
  let depth = 0;
  // Prefixed names (x:row) mean the same as bare ones in what spreadsheet programs write.
  const local = (name: string) => name.slice(name.indexOf(':') + 1);
  parser.on('opentag', ({ name, attributes }: SaxesTagPlain) => {
    quietBytes = 0;
    if (++depth > MAX_DEPTH) throw new Fault(words`its elements are nested too deep`);
    handlers.open(local(name), attributes);
  });
  parser.on('closetag', ({ name }) => {
    quietBytes = 0;
    depth--;
    handlers.close?.(local(name));
  });
  parser.on('text', (text) => handlers.text?.(text));
  parser.on('cdata', (text) => handlers.text?.(text));
  parser.on('error', (error) => {
    throw error;
  });
  const decoder = new TextDecoder();
  const stream = await zip.stream(zip.entries.get(part)!);
  try {
    for await (const chunk of stream) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`, { file: path });
      quietBytes += chunk.length;
      if (quietBytes > MAX_TEXT_BYTES) throw new Fault(words`a text is longer than any spreadsheet program writes`);
      parser.write(decoder.decode(chunk, { stream: true }));
      yield;
    }
    parser.close();
    yield;
  } catch (error) {
    const known = asMedTextError(error);
    if (known.code !== 'INTERNAL') throw known;
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path}, ${part}: the workbook is cut short or broken: ${faultOf(error)}.`,
      {
        file: path,
        part,
      },
    );
  } finally {
    stream.destroy();
  }
}

async function parseXml(path: string, zip: Zip, part: string, open: XmlHandlers['open']): Promise<void> {
  for await (const _ of xmlEvents(path, zip, part, { open }));
}

async function sharedStrings(path: string, zip: Zip): Promise<string[]> {
  const strings: string[] = [];
  let characters = 0;
  let text = '';
  let depthOfText = 0;
  let isPhonetic = false;
  const handlers: XmlHandlers = {
    open(tag) {
      if (tag === 'si') text = '';
      else if (tag === 'rPh') isPhonetic = true;
      else if (tag === 't') depthOfText++;
    },
    text(part) {
      if (depthOfText > 0 && !isPhonetic) text += part;
    },
    close(tag) {
      if (tag === 't') depthOfText--;
      else if (tag === 'rPh') isPhonetic = false;
      else if (tag === 'si') {
        strings.push(unescaped(text));
        characters += text.length;
        if (characters > MAX_SHARED_CHARACTERS) {
          throw new MedTextError('UNSUPPORTED', words`${path} holds too much text for a workbook; save it as CSV.`, {
            file: path,
          });
        }
      }
    },
  };
  for await (const _ of xmlEvents(path, zip, 'xl/sharedStrings.xml', handlers));
  return strings;
}

/** Style numbers whose number format shows a date or time. */
async function dateStylesOf(path: string, zip: Zip): Promise<Set<number>> {
  const custom = new Map<number, string>();
  const styles = new Set<number>();
  let isCellFormats = false;
  let style = 0;
  for await (const _ of xmlEvents(path, zip, 'xl/styles.xml', {
    open(tag, attributes) {
      if (tag === 'numFmt') custom.set(Number(attributes.numFmtId), attributes.formatCode ?? '');
      else if (tag === 'cellXfs') isCellFormats = true;
      else if (tag === 'xf' && isCellFormats) {
        const format = Number(attributes.numFmtId ?? 0);
        const code = custom.get(format)?.slice(0, MAX_FORMAT_LENGTH);
        // Built-in formats 14 to 22, 27 to 36, 45 to 47 and 50 to 58 are dates and times (ECMA-376 part 1, 18.8.30).
        const isBuiltIn = (format >= 14 && format <= 22) || (format >= 27 && format <= 36) || (format >= 45 && format <= 47) || (format >= 50 && format <= 58); // prettier-ignore
        const bare = code?.replace(/\[[^\]]*\]|"[^"]*"|\\.|_.|\*./g, '');
        if (bare === undefined ? isBuiltIn : /[dyhs]|m(?!.*[0#])/i.test(bare)) styles.add(style);
        style++;
      }
    },
    close(tag) {
      if (tag === 'cellXfs') isCellFormats = false;
    },
  }));
  return styles;
}

async function* sheetRows(
  path: string,
  zip: Zip,
  { sheet, strings, dateStyles, date1904 }: { sheet: { part: string }; strings: readonly string[]; dateStyles: ReadonlySet<number>; date1904: boolean }, // prettier-ignore
  oddities: Workbook['oddities'],
  signal?: AbortSignal,
): AsyncGenerator<SheetRow[]> {
  let rows: SheetRow[] = [];
  let line = 0;
  let cells: Cell[] = [];
  let column = -1;
  let type = 'n';
  let isDate = false;
  let text = '';
  let hasValue = false;
  let hasFormula = false;
  let isPhonetic = false;
  let collects = false;
  const value = (): Cell => {
    // openpyxl writes an empty <v/> beside a formula that nothing has computed yet.
    if (text === '' && type !== 'str' && type !== 'inlineStr') hasValue = false;
    if (hasFormula) {
      oddities.formulas++;
      oddities.firstFormula ||= cellName(column, line);
      if (!hasValue) oddities.withoutValue++;
    }
    if (!hasValue) return null;
    switch (type) {
      case 's':
        return strings[Number(text)] ?? null;
      case 'b':
        return text === '1' || text === 'true';
      case 'e':
        oddities.errors++;
        oddities.firstError ||= cellName(column, line);
        return null;
      case 'n': {
        const number = Number(text);
        if (text.trim() === '' || !Number.isFinite(number)) return text.trim() === '' ? null : text;
        return isDate ? dateText(number, date1904) : number;
      }
      default:
        return unescaped(text);
    }
  };
  const handlers: XmlHandlers = {
    open(tag, attributes) {
      switch (tag) {
        case 'row':
          line = Number(attributes.r) || line + 1;
          cells = [];
          column = -1;
          break;
        case 'c':
          column = attributes.r === undefined ? column + 1 : columnOf(attributes.r, column + 1);
          type = attributes.t ?? 'n';
          isDate = type === 'n' && dateStyles.has(Number(attributes.s ?? -1));
          text = '';
          hasValue = hasFormula = false;
          break;
        case 'f':
          hasFormula = true;
          break;
        case 'rPh':
          isPhonetic = true;
          break;
        case 'v':
        case 't':
          collects = !isPhonetic;
          hasValue ||= collects;
          break;
      }
    },
    text(part) {
      if (collects) text += part;
    },
    close(tag) {
      switch (tag) {
        case 'v':
        case 't':
          collects = false;
          break;
        case 'rPh':
          isPhonetic = false;
          break;
        case 'c':
          if (column < 0 || column >= MAX_COLUMNS) break;
          while (cells.length < column) cells.push(null);
          cells[column] = value();
          break;
        case 'row':
          if (cells.some((cell) => cell !== null && cell !== '')) rows.push({ line, cells });
          break;
      }
    },
  };
  for await (const _ of xmlEvents(path, zip, sheet.part, handlers, signal)) {
    if (rows.length === 0) continue;
    yield rows;
    rows = [];
  }
}

const cellName = (column: number, line: number): string => `${columnLetters(column)}${line}`;

/** The letters of a column that is counted from 0: A, B, …, Z, AA, … */
export function columnLetters(column: number): string {
  let letters = '';
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
}

/** The column of a reference such as "AB12", from 0. */
function columnOf(reference: string, otherwise: number): number {
  let column = 0;
  for (let i = 0; i < reference.length && i < 4; i++) {
    const code = reference.charCodeAt(i) & ~32;
    if (code < 65 || code > 90) break;
    column = column * 26 + code - 64;
  }
  return column > 0 ? column - 1 : otherwise;
}

/** Characters XML cannot hold are written `_x000D_`. */
function unescaped(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const DAY_MS = 86_400_000;

/** Days since 1899-12-30 (or 1904-01-01) as ISO 8601: a date, a time of day, or both. */
function dateText(serial: number, date1904: boolean): string | number {
  const epoch = date1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30);
  // Before March 1900 the 1900 system counts a day that never was.
  const days = !date1904 && serial >= 1 && serial < 60 ? serial + 1 : serial;
  const date = new Date(epoch + Math.round(days * DAY_MS));
  if (Number.isNaN(date.getTime()) || serial < 0 || date.getUTCFullYear() > 9999) return serial;
  const [day, time] = date.toISOString().replace('Z', '').replace('.000', '').split('T');
  if (serial < 1) return time;
  return time === '00:00:00' ? day : `${day}T${time}`;
}
