/** A file in a list to choose from, as VS Code's own lists have it: its name, and the folder it lies in, if any. */
export function fileLabel(relativePath: string): { readonly label: string; readonly description: string } {
  const end = Math.max(relativePath.lastIndexOf('/'), relativePath.lastIndexOf('\\'));
  return { label: relativePath.slice(end + 1), description: relativePath.slice(0, Math.max(end, 0)) };
}
