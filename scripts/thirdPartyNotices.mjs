// Gathers the licences of third-party code that we ship: the bundled packages, and the runtime.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences of packages without a licence file, as their source repositories state them. */
const ownCopies = {
  'onnxruntime-node': 'scripts/licences/onnxruntime.txt',
  'onnxruntime-common': 'scripts/licences/onnxruntime.txt',
  '@bufbuild/protobuf': 'scripts/licences/protobuf.txt',
  saxes: 'scripts/licences/saxes.txt',
};
/** Packages that are shipped beside the bundles. */
const shippedWhole = ['onnxruntime-node', 'onnxruntime-common'];

/**
 * @param metafiles of esbuild's builds
 * @returns the text of THIRD_PARTY_NOTICES.txt
 * @throws when a package has no licence text, because nothing is shipped without one
 */
export function thirdPartyNotices(metafiles) {
  const bundled = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs)
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .map(([path]) => packageOf(path)),
    ),
  );
  const names = [...new Set([...bundled.filter(Boolean), ...shippedWhole])].sort();
  const head = 'MedText Lab contains the following packages. Each stands under its own licence.\n';
  return [head, ...names.map(notice), starterNotice()].join(`\n${'-'.repeat(80)}\n\n`);
}

/** The innermost package of a path below node_modules. Undefined for our own files. */
function packageOf(path) {
  return /.*(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/** The notice for the starter encoder, which is the work of others. */
function starterNotice() {
  return `starter (MIT): the encoder of starter/\n\n${readFileSync('starter/LICENSE', 'utf8').trim()}\n`;
}

function notice(name) {
  const folder = join('node_modules', name);
  const { version, license, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|thirdpartynotices)(\.\w+)?$/i.test(file));
  const texts = ownCopies[name] ? [ownCopies[name]] : files.map((file) => join(folder, file));
  if (texts.length === 0 || !texts.every(existsSync)) {
    throw new Error(`${name} is shipped but has no licence text; put one into scripts/licences and name it here.`);
  }
  return [
    `${name} ${version} (${license})${homepage ? `, ${homepage}` : ''}\n`,
    ...texts.map((file) => `${readFileSync(file, 'utf8').trim()}\n`),
  ].join('\n');
}
