// npm run kernels: compiles the WebAssembly texts of src/steps into TypeScript files with their bytes. Run it after a
// change. The bytes are committed, so that builds and tests do not need the compiler.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';

const KERNELS = {
  adamW: 'ADAM_W_KERNEL',
  dropoutMask: 'DROPOUT_MASK_KERNEL',
};

/** The text of the generated file. */
export async function kernelModule(name = 'adamW') {
  const { parseWat } = await wabt();
  const source = `src/steps/${name}.wat`;
  const { buffer } = parseWat(source, readFileSync(source, 'utf8'), { threads: true }).toBinary({});
  const base64 = Buffer.from(buffer).toString('base64');
  const lines = base64.match(/.{1,100}/g).map((line) => `  '${line}'`);
  return `/** Made by \`npm run kernels\` from ${name}.wat (WebAssembly, base64). */\nexport const ${KERNELS[name]} =\n${lines.join(' +\n')};\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const name of Object.keys(KERNELS)) writeFileSync(`src/steps/${name}Kernel.ts`, await kernelModule(name));
}
