/** A size in bytes with a unit in powers of 1000, as hubs and file managers show it: `409 MB`. */
export function sizeText(sizeBytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(sizeBytes, 1)) / 3)));
  const value = sizeBytes / 1000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}
