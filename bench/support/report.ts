/** What a benchmark prints: a table, the conditions, and the same as JSON. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeEnvironment } from '../../src/runs/environment';

const common = {
  threads: { type: 'string', default: '2' },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly default?: string | boolean }>>;
/** What parseArgs makes of them. */
type Values<T extends Options> = {
  -readonly [Name in keyof T]: T[Name] extends { default: infer Value }
    ? Value extends string
      ? string
      : boolean
    : string | undefined;
};

/** The command line of a benchmark; with --help, or what it does not know, prints the usage and ends. */
export function benchOptions<const T extends Options>(usage: string, own: T): Values<typeof common & T> {
  try {
    const options: Options = { ...common, ...own };
    const { values } = parseArgs({ options });
    if (!values.help) return values as Values<typeof common & T>;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
  console.log(usage);
  process.exit(0);
}

/** @throws unless the text is a whole number from 1 */
export function count(text: string, option: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new Error(`--${option} takes whole numbers from 1, not "${text}".`);
}

/** A number that two runs of the suite are compared by. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** Of both the smaller one is the better. */
  readonly unit: 's' | 'bytes';
  /** To that of another program in the same run: what a machine's load changes least. */
  readonly ratio?: number;
  readonly peer?: string;
}

export interface BenchResult {
  readonly threads: number;
  /** Further remarks on what was measured. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a later run is compared by; absent: nothing. */
  readonly figures?: readonly Figure[];
  /** The figures themselves, for the JSON file. */
  readonly results: unknown;
  readonly reference: object | null;
}

export function printResult(bench: string, result: BenchResult, jsonFile: string | undefined): void {
  const { columns, rows, notes, threads, figures = [], results, reference } = result;
  const environment = { ours: describeEnvironment({ device: 'cpu', threads }), reference };
  console.log(`\n${table(columns, rows)}\n`);
  for (const note of notes) console.log(note);
  const { cpu, node, onnxruntime } = environment.ours;
  console.log(`${cpu}, ${threads} threads; onnxruntime ${onnxruntime}, Node ${node}`);
  if (reference) console.log(`reference: ${Object.entries(reference).map((entry) => entry.join(' ')).join(', ')}`); // prettier-ignore
  if (jsonFile)
    writeFileSync(
      jsonFile,
      `${JSON.stringify({ bench, threads, environment, notes, columns, rows, figures, results }, null, 2)}\n`,
    );
}

/** Runs a script's main function. An error is one line, and the end: measured processes end with their stdin. */
export function runMain(main: () => Promise<void>): void {
  main().catch((error: Error) => {
    console.error(process.env.DEBUG ? error : `error: ${error.message}`);
    process.exit(1);
  });
}

export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 3 : 1)} s`;
export const milliseconds = (value: number): string => `${(1000 * value).toFixed(value < 0.1 ? 1 : 0)} ms`;
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
export const share = (value: number): string => value.toFixed(2);
export const ratio = (value: number): string => value.toFixed(3);
/** In place of the reference's figures when there is none. */
export const NONE = '-';

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [line(columns), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

export function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
