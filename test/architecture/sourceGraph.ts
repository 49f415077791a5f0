/** The source files and what they import, read from their text. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(__dirname, '../..');

/** A source file by its path from the repository's root, with forward slashes: "src/onnx/model.ts". */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Modules as written, in order: "node:fs", "ajv", "../base/errors". Types count: a direction is a direction. */
  readonly imports: readonly string[];
}

/** All TypeScript files under a folder of the repository; none if it does not exist (yet). */
export function sourceFiles(folder: string): SourceFile[] {
  return filesUnder(folder)
    .filter((file) => /\.[cm]?tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      return { path: file, text, imports: importsOf(text) };
    });
}

/** Every file under a folder, by its path from the repository's root. */
export function filesUnder(folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(path.join(ROOT, folder), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.name !== 'node_modules' && !entry.name.startsWith('.'))
    .flatMap((entry) => {
      const child = path.posix.join(folder, entry.name);
      return entry.isDirectory() ? filesUnder(child) : [child];
    })
    .sort();
}

/** What a text imports: statically, re-exported, dynamically or by require. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const forms = [
    /(?:^|;)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /(?:^|;)\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]\s*[,)]/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1]));
}

/** The text without its comments that start a line; others hold no imports. */
export function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '');
}

/** The source file that a relative import of `from` means; undefined for packages and for files that are not source. */
export function resolveImport(
  from: SourceFile,
  module: string,
  files: ReadonlyMap<string, SourceFile>,
): SourceFile | undefined {
  if (!module.startsWith('.')) return undefined;
  const target = path.posix.join(path.posix.dirname(from.path), module);
  return [target, `${target}.ts`, `${target}.tsx`, `${target}/index.ts`]
    .map((candidate) => files.get(candidate))
    .find((file) => file);
}

/** The file with all that it imports, near or far. */
export function closureOf(file: SourceFile, files: ReadonlyMap<string, SourceFile>): Set<SourceFile> {
  const reached = new Set([file]);
  for (const next of reached) {
    for (const module of next.imports) {
      const target = resolveImport(next, module, files);
      if (target) reached.add(target); // a Set's iteration also visits what is added on the way
    }
  }
  return reached;
}

/** An import cycle, as the paths along it, or undefined. */
export function findCycle(files: ReadonlyMap<string, SourceFile>): string[] | undefined {
  const done = new Set<SourceFile>();
  const visit = (file: SourceFile, trail: readonly SourceFile[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file].map((f) => f.path);
    if (done.has(file)) return undefined;
    for (const module of file.imports) {
      const target = resolveImport(file, module, files);
      const cycle = target && visit(target, [...trail, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files.values()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
