// Bundles every entry point into dist/. Only onnxruntime-node is not bundled, because it loads a native library beside
// itself.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { thirdPartyNotices } from './scripts/thirdPartyNotices.mjs';

const production = process.argv.includes('--production');
const bundle = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8'));

const entries = {
  cli: 'src/cli/main.ts',
  command: 'src/cli/command.ts',
  extension: 'src/extension/main.ts',
  core: 'src/extension/core.ts',
  trainer: 'src/worker/trainerMain.ts',
  scorer: 'src/worker/scorerMain.ts',
  library: 'src/worker/libraryMain.ts',
  data: 'src/worker/dataMain.ts',
};

const bundles = {
  metafile: true,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: production,
  sourcemap: production ? false : 'linked',
  external: ['onnxruntime-node', 'vscode'],
  alias: {
    // The package's main file is UMD, whose parts a bundler cannot see.
    'jsonc-parser': 'jsonc-parser/lib/esm/main.js',
  },
  logLevel: 'warning',
};

/**
 * Keeps two bundles small: the registrations of the extension, and the first process of a command. Each loads the large
 * bundle (core, command) beside itself.
 */
const largeApart = {
  name: 'large apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(core|command)$/ }, ({ path, importer }) =>
      importer.endsWith('main.ts') ? { path: `${path}.js`, external: true } : undefined,
    );
  },
};

const host = await build({
  ...bundles,
  plugins: [largeApart],
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file))),
});

// The pages of the webviews. Each is a script and a style sheet.
const pages = await build({
  metafile: true,
  entryPoints: Object.fromEntries(pageNames().map((name) => [name, `webview/${name}/main.ts`])),
  outdir: 'dist/webview',
  bundle: true,
  platform: 'browser',
  target: 'chrome122',
  format: 'iife',
  minify: production,
  // Source maps are inline, because the pages may fetch nothing.
  sourcemap: production ? false : 'inline',
  logLevel: 'warning',
});

// The schemas with which the editor validates and completes recipes and labels files (contributes.jsonValidation), by
// language.
for (const name of ['recipe', 'labels']) {
  const schema = JSON.parse(readFileSync(`src/protocol/${name}.schema.json`, 'utf8'));
  writeFileSync(`dist/${name}.schema.json`, JSON.stringify(schema));
  writeFileSync(`dist/${name}.schema.zh-cn.json`, JSON.stringify(translatedSchema(schema)));
}

// The documentation that the extension opens. It has no pictures, and a link to a file outside the documentation becomes
// plain text.
rmSync('dist/docs', { recursive: true, force: true });
for (const language of readdirSync('docs')) {
  mkdirSync(`dist/docs/${language}`, { recursive: true });
  for (const page of readdirSync(`docs/${language}`)) {
    const text = readFileSync(`docs/${language}/${page}`, 'utf8').replace(/^!\[[^\]]*\]\([^)]*\)\n\n/gm, '');
    writeFileSync(`dist/docs/${language}/${page}`, text.replace(/\[([^\]]+)\]\(\.\.\/\.\.\/[^)]*\)/g, '$1'));
  }
}

// The licences of bundled packages. The package includes this file.
writeFileSync('dist/THIRD_PARTY_NOTICES.txt', thirdPartyNotices([host.metafile, pages.metafile]));

/** The schema with Chinese descriptions. A test demands that the bundle has all of them. */
function translatedSchema(node) {
  const chinese = (text) => bundle[text] ?? text;
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(translatedSchema);
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (key === 'description' && typeof value === 'string') return [key, chinese(value)];
      if (key === 'enumDescriptions') return [key, value.map(chinese)];
      return [key, key === 'examples' ? value : translatedSchema(value)];
    }),
  );
}

/** Every folder of webview/ with a main.ts is a page. */
function pageNames() {
  return readdirSync('webview').filter((name) => existsSync(`webview/${name}/main.ts`));
}
