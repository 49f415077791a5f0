import { fractionOf } from './scroll';
import { frameOf, rowHeightPx, type DatasetPreviewState } from './state';

// Browsers scroll taller elements imprecisely, and limit an element's height.
const maxContentPx = 4_000_000;

/** The scrollbar. It belongs to an empty element beside the rows, which do not scroll by themselves. */
export class ScrollElements {
  private element: HTMLElement | undefined;
  /** The position that the script has set. Any other position comes from the person. */
  private setPx = 0;
  private isDragged = false;

  constructor(private readonly onScroll: (fraction: number) => void) {
    window.addEventListener('pointerup', () => (this.isDragged = false));
  }

  attach(element: Element | undefined): void {
    this.element = element as HTMLElement | undefined;
    this.element?.addEventListener('scroll', () => this.scrolled());
    this.element?.addEventListener('pointerdown', () => (this.isDragged = true));
  }

  /** Moves the bar to the position of the rows, unless the person is dragging it. */
  show(state: DatasetPreviewState): void {
    const { element } = this;
    if (!element) return;
    const frame = frameOf(state);
    const contentPx = Math.max(element.clientHeight, Math.min(maxContentPx, frame.rows * rowHeightPx));
    (element.firstElementChild as HTMLElement).style.setProperty('height', `${contentPx}px`);
    if (this.isDragged) return;
    const wantedPx = fractionOf(state.scroll, frame) * (element.scrollHeight - element.clientHeight);
    if (Math.abs(element.scrollTop - wantedPx) > 1) element.scrollTop = wantedPx;
    this.setPx = element.scrollTop;
  }

  private scrolled(): void {
    const { element } = this;
    if (!element || Math.abs(element.scrollTop - this.setPx) <= 1) return;
    this.setPx = element.scrollTop;
    const allPx = element.scrollHeight - element.clientHeight;
    if (allPx > 0) this.onScroll(element.scrollTop / allPx);
  }
}
