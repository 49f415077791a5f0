import type { Translate } from './translate';

/** A duration in at most two units: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function durationText(seconds: number, t: Translate): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t('{0} s', whole);
  if (whole < 3600) return t('{0} min {1} s', Math.floor(whole / 60), whole % 60);
  return t('{0} h {1} min', Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}
