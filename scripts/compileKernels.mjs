// Compiles src/training/adamW.wat into the TypeScript file that carries its bytes: `npm run kernels` after a change.
// The bytes are committed, so that neither a build nor a test run from source needs the compiler.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';

const SOURCE = 'src/training/adamW.wat';
const TARGET = 'src/training/adamWKernel.ts';

/** The text of the generated file for the text of the source. */
export async function kernelModule() {
  const { parseWat } = await wabt();
  const { buffer } = parseWat(SOURCE, readFileSync(SOURCE, 'utf8')).toBinary({});
  const base64 = Buffer.from(buffer).toString('base64');
  const lines = base64.match(/.{1,100}/g).map((line) => `  '${line}'`);
  return `/** Made by \`npm run kernels\` from adamW.wat (WebAssembly, base64). */\nexport const ADAM_W_KERNEL =\n${lines.join(' +\n')};\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(TARGET, await kernelModule());
