/**
 * The factor of a loss whose gradients are computed in half precision (Micikevicius et al., "Mixed Precision Training",
 * 2018): without it small ones vanish, and with too large a one they overflow. A power of two, so it changes no digit
 * of what does neither. Unlike PyTorch's GradScaler, which leaves out the update of a step that overflowed and grows
 * again, a step is computed anew: none is lost, and a resumed run has nothing to remember.
 */
const FIRST = 2 ** 13;
const SMALLEST = 1;

export class LossScale {
  private factor: number;

  constructor(readonly isNeeded: boolean) {
    this.factor = isNeeded ? FIRST : 1;
  }

  get value(): number {
    return this.factor;
  }

  /** After gradients that are not finite. @returns whether there is a smaller factor to try */
  shrink(): boolean {
    if (this.factor <= SMALLEST) return false;
    this.factor = Math.max(SMALLEST, this.factor / 8);
    return true;
  }
}
