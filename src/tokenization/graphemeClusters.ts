/**
 * Extended grapheme clusters (UAX #29) by the library's tables, as far as a charsmap depends on them. A charsmap reads
 * clusters of six bytes and more character by character. So rules that only make such clusters longer (flags,
 * conjuncts) are left out.
 */
import { controlsCluster, extendsCluster, prependsCluster } from './characterClasses';

/** The index after the cluster that begins at `start`. */
export function clusterEnd(text: string, start: number): number {
  let point = text.codePointAt(start)!;
  let end = start + (point > 0xffff ? 2 : 1);
  if (point === 0x0d && text.charCodeAt(end) === 0x0a) return end + 1;
  if (isControl(point)) return end;
  while (end < text.length && prependsCluster(point)) {
    point = text.codePointAt(end)!;
    if (isControl(point)) return end;
    end += point > 0xffff ? 2 : 1;
  }
  let base = point;
  while (end < text.length) {
    const next = text.codePointAt(end)!;
    const joins =
      (next >= 0x300 && extendsCluster(next)) ||
      joinsSyllable(point, next) ||
      // The copyright and registered signs are emoji and join the next emoji.
      (point === 0x200d &&
        (base === 0xa9 || base === 0xae) &&
        /^\p{Extended_Pictographic}/u.test(text.slice(end, end + 2)));
    if (!joins) return end;
    if (point === 0x200d) base = next;
    point = next;
    end += point > 0xffff ? 2 : 1;
  }
  return end;
}

function isControl(point: number): boolean {
  return point < 0x20 || (point >= 0x7f && controlsCluster(point));
}

/**
 * Hangul: a leading consonant joins another one, a vowel or a syllable. A vowel joins another one or a final consonant.
 */
function joinsSyllable(point: number, next: number): boolean {
  const kind = syllableKind(point);
  if (kind === '') return false;
  return /^(L,(L|V|LV|LVT)|(LV|V),(V|T)|(LVT|T),T)$/.test(`${kind},${syllableKind(next)}`);
}

function syllableKind(point: number): string {
  if ((point >= 0x1100 && point <= 0x115f) || (point >= 0xa960 && point <= 0xa97c)) return 'L';
  if ((point >= 0x1160 && point <= 0x11a7) || (point >= 0xd7b0 && point <= 0xd7c6)) return 'V';
  if ((point >= 0x11a8 && point <= 0x11ff) || (point >= 0xd7cb && point <= 0xd7fb)) return 'T';
  if (point >= 0xac00 && point <= 0xd7a3) return (point - 0xac00) % 28 === 0 ? 'LV' : 'LVT';
  return '';
}
