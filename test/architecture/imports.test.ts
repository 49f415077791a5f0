/** Who may import whom. A layer rule without a test is a wish. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ROOT,
  closureOf,
  findCycle,
  importsOf,
  resolveImport,
  sourceFiles,
  withoutComments,
  type SourceFile,
} from './sourceGraph';

interface Room {
  readonly rooms: readonly string[];
  /** Packages, a deeper path of one included; "node:" is every built-in module. */
  readonly packages: readonly string[];
  /** What single files may import besides, and why. */
  readonly exceptions?: Readonly<Record<string, { readonly packages: readonly string[]; readonly reason: string }>>;
}

const FILES_ARE_ITS_SUBJECT = { packages: ['node:'], reason: 'a model folder is files; the rest of the room works on plain data' }; // prettier-ignore

/** All that computes: what a process or the command line puts together. */
const ENGINE = [
  'base',
  'protocol',
  'onnx',
  'hub',
  'gpuRuntime',
  'library',
  'tokenization',
  'autodiff',
  'data',
  'models',
  'inference',
  'tasks',
  'steps',
  'devices',
  'runs',
  'evaluation',
  'exports',
  'recipes',
  'training',
  'preview',
];

/** The table of the architecture. A room may also import itself. */
const ROOMS: Readonly<Record<string, Room>> = {
  base: {
    rooms: [],
    packages: [],
    exceptions: {
      'src/base/atomicFile.ts': {
        packages: ['node:'],
        reason: 'the one way to write a file, for every room that does',
      },
      'src/base/crc32.ts': { packages: ['node:'], reason: 'the checksum of every archive that is written' },
      'src/base/diskFull.ts': { packages: ['node:'], reason: 'asks what a disk has left, wherever one was full' },
      'src/base/fileLock.ts': { packages: ['node:'], reason: 'the one way to keep others off a file or folder' },
      'src/base/leftovers.ts': { packages: ['node:'], reason: 'what interrupted writers leave behind, in any folder' },
      'src/base/processIdentity.ts': {
        packages: ['node:'],
        reason: 'whether a process is still the one that was meant, asked for by the extension host as well',
      },
      'src/base/watchThread.ts': { packages: ['node:'], reason: 'the thread that watches over a process, of workers and the command line alike' }, // prettier-ignore
      'src/base/textFile.ts': { packages: ['node:'], reason: 'the one way to read a small file of a stranger' },
      'src/base/gpuRuntime.ts': {
        packages: ['node:'],
        reason: 'the environment of every process that may use CUDA, asked for by the extension host as well',
      },
      'src/base/userFolders.ts': { packages: ['node:'], reason: 'terminal and editor look in the same places' },
    },
  },
  protocol: { rooms: ['base'], packages: ['ajv', 'vscode-jsonrpc'] },
  onnx: { rooms: ['base'], packages: ['@bufbuild/protobuf'] },
  hub: { rooms: ['base'], packages: ['undici', 'node:'] },
  // The CUDA libraries of the runtime: got as wheels, hence the hub's downloader and the zip reader.
  gpuRuntime: { rooms: ['base', 'hub', 'models'], packages: ['yauzl', 'node:'] },
  tokenization: { rooms: ['base'], packages: [] },
  autodiff: { rooms: ['base', 'onnx'], packages: [] },
  // Readers stream files, hence the built-in modules.
  data: { rooms: ['base', 'protocol'], packages: ['csv-parse', 'hyparquet', 'hyparquet-compressors', 'hyparquet-writer', 'saxes', 'yauzl', 'node:'] }, // prettier-ignore
  models: {
    // Whether another program's graph can be trained is asked where it is read.
    rooms: ['base', 'onnx', 'autodiff'],
    packages: ['yauzl'],
    exceptions: {
      'src/models/checkpoint/': { packages: ['node:'], reason: 'checkpoints are files' },
      'src/models/importGraph.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/importModel.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/modelContent.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/modelFolder.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/quantizedCopy.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/sentenceTransformers.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/similarityReference.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/writeGraphFolder.ts': FILES_ARE_ITS_SUBJECT,
      'src/models/writeModelFolder.ts': FILES_ARE_ITS_SUBJECT,
    },
  },
  inference: {
    rooms: ['base', 'protocol', 'onnx', 'models', 'tokenization'],
    packages: [],
    exceptions: {
      'src/inference/session.ts': { packages: ['onnxruntime-node', 'node:'], reason: 'the only file that knows the runtime, and where its library lies' }, // prettier-ignore
    },
  },
  // Models as a person keeps them: where they come from, what they are, whether they are whole.
  library: { rooms: ['base', 'protocol', 'onnx', 'hub', 'tokenization', 'models', 'inference'], packages: ['node:'] },
  // What is learned: losses, metrics, reports.
  tasks: { rooms: ['base', 'protocol', 'onnx', 'autodiff', 'models', 'tokenization', 'data'], packages: [] },
  // One optimiser step, on the CPU or on a device.
  steps: {
    rooms: ['base', 'onnx', 'autodiff', 'models', 'tokenization', 'inference', 'tasks'],
    packages: [],
    exceptions: {
      'src/steps/collectGarbage.ts': { packages: ['node:'], reason: 'asks V8 to give memory back between steps' },
      'src/steps/threadedAdamW.ts': { packages: ['node:'], reason: 'starts threads, as many as there are cores' },
    },
  },
  devices: { rooms: ['base', 'protocol', 'models', 'inference', 'tasks', 'steps'], packages: ['node:'] },
  runs: { rooms: ['base', 'protocol', 'onnx', 'data', 'models', 'inference', 'tasks', 'steps'], packages: ['node:'] },
  evaluation: {
    rooms: ['base', 'protocol', 'models', 'data', 'inference', 'tasks', 'devices', 'runs'],
    packages: ['node:'],
  },
  // Checked on the rows that the model's run knows.
  exports: {
    rooms: ['base', 'protocol', 'onnx', 'models', 'tokenization', 'data', 'inference', 'tasks', 'runs', 'evaluation'],
    packages: ['node:'],
  },
  recipes: {
    rooms: ['base', 'protocol'],
    packages: ['node:'],
    exceptions: {
      'src/recipes/recipeFile.ts': {
        packages: ['jsonc-parser'],
        reason: 'a recipe may have comments and trailing commas',
      },
    },
  },
  // One run, from its first step to its end.
  training: {
    rooms: ['base', 'protocol', 'models', 'tokenization', 'data', 'inference', 'tasks', 'steps', 'devices', 'runs', 'evaluation'], // prettier-ignore
    packages: ['node:'],
  },
  preview: { rooms: ['base', 'protocol', 'data'], packages: ['node:'] },
  worker: { rooms: ENGINE, packages: ['vscode-jsonrpc', 'node:'] },
  cli: { rooms: ENGINE, packages: ['node:'] },
  // Of worker only the clients: see the test below. Built-in modules to find folders and watch runs.
  extension: { rooms: ['base', 'protocol', 'worker'], packages: ['vscode', 'jsonc-parser', 'node:'] },
};

/** Webviews run in a browser: what only Node or the editor has cannot be loaded there. */
const NOT_IN_A_BROWSER = ['node:', 'vscode', 'onnxruntime-node'];

const FILES = new Map([...sourceFiles('src'), ...sourceFiles('webview')].map((file) => [file.path, file]));

/** "onnx" of "src/onnx/model.ts"; "webview" of everything in webview/. */
function roomOf(file: SourceFile): string {
  const [top, second] = file.path.split('/');
  return top === 'webview' ? 'webview' : second;
}

function isAmong(module: string, packages: readonly string[]): boolean {
  return packages.some((name) => (name === 'node:' ? module.startsWith(name) : module === name || module.startsWith(`${name}/`))); // prettier-ignore
}

/** One line per import that the table does not allow. */
function offences(): string[] {
  return [...FILES.values()].flatMap((file) => {
    const name = roomOf(file);
    const room = ROOMS[name] ?? { rooms: ['base', 'protocol'], packages: [] };
    const exceptions = Object.entries(room.exceptions ?? {}).filter(([start]) => file.path.startsWith(start));
    const packages = [...room.packages, ...exceptions.flatMap(([, exception]) => exception.packages)];
    return file.imports.flatMap((module) => {
      const target = resolveImport(file, module, FILES);
      if (target) {
        const allowed = roomOf(target) === name || room.rooms.includes(roomOf(target));
        return allowed ? [] : [`${file.path} imports ${target.path}`];
      }
      if (module.startsWith('.')) return []; // data; that the file is there is the compiler's to say
      const allowed = name === 'webview' ? !isAmong(module, NOT_IN_A_BROWSER) : isAmong(module, packages);
      return allowed ? [] : [`${file.path} imports ${module}`];
    });
  });
}

describe('import directions', () => {
  it('finds imports of every form, and none in comments', () => {
    const text = [
      `import { a,`,
      `  b } from 'one';`,
      `import type { C } from "two";`,
      `import 'three';`,
      `export { d } from 'four';`,
      `const e = await import('five'), f = require('six');`,
      `type G = import('seven').G;`,
      `// import 'no';`,
      `/** import 'no';`,
      ` * import('no') */`,
    ].join('\n');
    assert.deepEqual(importsOf(text).sort(), ['five', 'four', 'one', 'seven', 'six', 'three', 'two']);
  });

  it('finds the source', () => {
    assert.ok(FILES.size > 40);
    const gradients = FILES.get('src/autodiff/gradients.ts')!;
    const targets = gradients.imports.map((module) => resolveImport(gradients, module, FILES)?.path);
    assert.ok(targets.includes('src/autodiff/rules.ts') && targets.includes('src/onnx/shapes.ts'));
  });

  it('knows every room', () => {
    for (const file of FILES.values()) {
      const room = roomOf(file);
      assert.ok(room === 'webview' || room in ROOMS, `${file.path} is in no room of the architecture`);
    }
  });

  it('are those of the table, for rooms and packages', () => {
    assert.deepEqual(offences(), []);
  });

  it('are those that CONTRIBUTING.md tells', () => {
    const text = readFileSync(path.join(ROOT, 'CONTRIBUTING.md'), 'utf8');
    const [, table] = /## Who may import whom[^]*?```text\n([^]*?)```/.exec(text)!;
    const told = table
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, names, others] = /^(\w+(?:, \w+)*)\s+(.*)$/.exec(line)!;
        const rooms = others === 'all of the above' ? ENGINE : others.split(/[\s,]+/).filter((word) => word in ROOMS);
        return names.split(', ').map((name) => [name, [...rooms].sort()] as const);
      })
      .filter(([name]) => name !== 'webview');
    const held = Object.entries(ROOMS).map(([name, { rooms }]) => [name, [...rooms].sort()] as const);
    assert.deepEqual(Object.fromEntries(told), Object.fromEntries(held));
  });

  it('go one way between rooms, too', () => {
    const rooms = new Map(
      Object.entries(ROOMS).map(([name, room]) => [
        `${name}.ts`,
        { path: `${name}.ts`, text: '', imports: room.rooms.map((other) => `./${other}`) },
      ]),
    );
    assert.equal(findCycle(rooms), undefined);
  });

  it('have no exception that nobody needs any more', () => {
    for (const room of Object.values(ROOMS)) {
      for (const [start, { packages }] of Object.entries(room.exceptions ?? {})) {
        const used = [...FILES.values()].some(
          (file) => file.path.startsWith(start) && file.imports.some((module) => isAmong(module, packages)),
        );
        assert.ok(used, start);
      }
    }
  });

  it('make no cycle', () => {
    assert.equal(findCycle(FILES), undefined);
  });

  it('see a cycle where there is one', () => {
    const file = (path: string, ...imports: string[]) => [path, { path, imports, text: '' }] as const;
    const files = new Map([file('src/a.ts', './b'), file('src/b.ts', './c'), file('src/c.ts', './b')]);
    assert.deepEqual(findCycle(files), ['src/b.ts', 'src/c.ts', 'src/b.ts']);
  });

  it('lead the extension and its views to nothing that computes', () => {
    const light = ['base', 'protocol', 'worker', 'extension', 'webview'];
    for (const file of FILES.values()) {
      if (roomOf(file) !== 'extension' && roomOf(file) !== 'webview') continue;
      for (const reached of closureOf(file, FILES)) {
        assert.ok(light.includes(roomOf(reached)), `${file.path} reaches ${reached.path}`);
      }
    }
  });

  it('keep the runtime out of the process that reads data', () => {
    const reached = [...closureOf(FILES.get('src/worker/dataMain.ts')!, FILES)].map(({ path }) => path);
    assert.ok(reached.includes('src/tokenization/tokenizer.ts') && !reached.includes('src/inference/session.ts'));
  });

  it('keep files, processes, clocks and the console out of the engine', () => {
    const outside =
      /\b(process\.|performance\.|Date\b|setTimeout|setInterval|setImmediate|console\.|fetch\(|Math\.random)/;
    for (const file of FILES.values()) {
      if (!['onnx', 'autodiff'].includes(roomOf(file)) && file.path !== 'src/base/random.ts') continue;
      assert.doesNotMatch(withoutComments(file.text), outside, file.path);
      const reached = [...closureOf(file, FILES)].map((f) => f.path);
      assert.ok(!reached.includes('src/base/atomicFile.ts'), `${file.path} reaches the disk`);
    }
  });
});

describe('modules', () => {
  it('are imported in order: those of Node, of packages, our own', () => {
    const rank = (name: string) => (name.startsWith('node:') ? 0 : name.startsWith('.') ? 2 : 1);
    const misplaced = [...sourceFiles('src'), ...sourceFiles('webview')].filter(({ text }) => {
      const named = [...text.matchAll(/^import\b[^'";]*?\bfrom '([^']+)'/gm)].map(([, name]) => rank(name));
      return named.some((own, at) => at > 0 && own < named[at - 1]);
    });
    assert.deepEqual(misplaced.map(({ path }) => path), []); // prettier-ignore
  });

  it('have no default export', () => {
    // The stand-in for packages that are left out of the bundle has to have the shape of what it replaces.
    const exceptions = ['src/tokenization/absent.ts'];
    for (const file of FILES.values()) {
      if (exceptions.includes(file.path)) continue;
      assert.doesNotMatch(withoutComments(file.text), /(?:^|;)\s*export\s+default\b|\bas\s+default\b/m, file.path);
    }
  });

  it('are no barrels', () => {
    for (const file of FILES.values()) {
      assert.doesNotMatch(file.path, /(^|\/)index\.[cm]?tsx?$/);
      assert.doesNotMatch(withoutComments(file.text), /(?:^|;)\s*export\s[^'"`;]*?\bfrom\s*['"]/m, file.path);
    }
  });
});
