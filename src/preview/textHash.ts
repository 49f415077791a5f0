import { hash32 } from '../base/random';

/**
 * 64 bits of one or two texts, as two words: among a million rows two that differ share them with a chance below 1e-7.
 * The rounds are MurmurHash3's (Austin Appleby, public domain), one over each UTF-16 unit in two lanes.
 */
export class TextHash {
  high = 0;
  low = 0;

  of(first: string, second: string | null): this {
    this.high = 0x9747b28c;
    this.low = 0x3c6ef372;
    this.add(first);
    if (second !== null) {
      this.mix(0x10000 + first.length);
      this.add(second);
    }
    const length = first.length + (second?.length ?? 0);
    const high = hash32(this.high ^ length);
    this.low = hash32(this.low ^ high);
    this.high = hash32(high ^ this.low);
    return this;
  }

  private add(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  private mix(unit: number): void {
    let a = Math.imul(unit, 0xcc9e2d51);
    a = Math.imul((a << 15) | (a >>> 17), 0x1b873593);
    const high = this.high ^ a;
    this.high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0;
    let b = Math.imul(unit, 0x239b961b);
    b = Math.imul((b << 16) | (b >>> 16), 0xab0e9789);
    const low = this.low ^ b;
    this.low = (Math.imul((low << 17) | (low >>> 15), 5) + 0x561ccd1b) | 0;
  }
}
