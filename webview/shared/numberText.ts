// Numbers have a decimal point in every language, as in the files of a run.

/** A loss or a metric with about four significant digits; '–' for a missing value. */
export function valueText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(2);
  // A perplexity at the start of a training can be this high.
  if (size >= 1000) return value.toFixed(0);
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
