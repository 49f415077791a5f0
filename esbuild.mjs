// Bundles every entry point into dist/. Only onnxruntime-node stays outside: it loads a native library beside itself.
import { build } from 'esbuild';
import { existsSync } from 'node:fs';

const entries = { cli: 'src/cli/main.ts' };

await build({
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file))),
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: process.argv.includes('--production'),
  sourcemap: process.argv.includes('--production') ? false : 'linked',
  external: ['onnxruntime-node', 'vscode'],
  // transformers.js is used for its tokenizers alone; its image and browser runtimes stay out of the bundle.
  alias: { sharp: './src/tokenization/absent.ts', 'onnxruntime-web/webgpu': './src/tokenization/absent.ts', 'onnxruntime-web': './src/tokenization/absent.ts' },
  logLevel: 'warning',
});
