/** Numbers as both screens write them: points as decimal signs, as in the files they come from. */

/** A loss or metric: four digits that say something. */
export function valueText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return value.toExponential(2);
  if (size >= 100) return value.toFixed(1);
  return size !== 0 && size < 0.001 ? value.toExponential(2) : value.toFixed(4);
}

export function rateText(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

export function learningRateText(value: number): string {
  return value === 0 ? '0' : value.toExponential(2);
}

export function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function bytesText(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${gibibytes.toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
