/** A path as one types it in a shell: quoted only where it has to be. */
export function shellQuoted(path: string): string {
  return /^[\p{L}\p{N}@%+=:,./_-]+$/u.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
