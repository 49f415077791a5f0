import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every message that the extension words through `t('…')`, found in its sources. */
export function messagesOfExtension(folder = join(__dirname, '../../src/extension')): ReadonlySet<string> {
  const messages = new Set<string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const source = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, message] of source.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g))
      messages.add(message.replaceAll("\\'", "'"));
  }
  return messages;
}
