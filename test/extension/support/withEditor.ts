import Module from 'node:module';

/**
 * Loads modules of the extension with a stand-in for the editor's module `vscode`. They are loaded anew and not kept:
 * other tests have a stand-in of their own.
 */
export function withEditor<Loaded>(editor: object, load: () => Loaded): Loaded {
  const kept = { ...require.cache };
  for (const file of Object.keys(kept)) if (/[\\/]src[\\/]extension[\\/]/.test(file)) delete require.cache[file];
  const loadOfNode = (Module as any)._load;
  (Module as any)._load = (request: string, ...rest: unknown[]) =>
    request === 'vscode' ? editor : loadOfNode(request, ...rest);
  try {
    return load();
  } finally {
    (Module as any)._load = loadOfNode;
    for (const file of Object.keys(require.cache)) if (!kept[file]) delete require.cache[file];
    Object.assign(require.cache, kept);
  }
}
