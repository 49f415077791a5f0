import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Every message that the extension and its webviews word through `t('…')`, found in their sources. */
export function messagesOfExtension(
  folders = ['src/base', 'src/protocol', 'src/extension', 'webview'],
): ReadonlySet<string> {
  const messages = new Set<string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const source = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      for (const [, message] of source.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g))
        messages.add(message.replaceAll("\\'", "'"));
    }
  }
  return messages;
}
