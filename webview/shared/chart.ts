import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './chart.css';
import type { Curves } from './curves';
import { valueText } from './numberText';
import { Placed } from './placed';

/** How a series looks. `color` is the name of a CSS variable: its value changes with the theme. */
export interface SeriesLook {
  readonly label: string;
  readonly color: string;
  readonly width: number;
  /** From 0 to 1; 1 by default. A series in the background is paler. */
  readonly opacity?: number;
  readonly dashed?: boolean;
  readonly points?: number;
}

const height = 150;

/**
 * A line chart as wide as its element. The mouse and the arrow keys move a cursor along the steps. A tooltip shows the
 * values at the cursor, and screen readers announce it.
 */
class Chart {
  private plot: uPlot | undefined;
  private curves: Curves = { steps: [], series: [] };
  private looks: readonly SeriesLook[] = [];
  private stepWord: (step: number) => string = String;
  private readonly tooltip = document.createElement('div');
  private readonly resizing: ResizeObserver;

  constructor(private readonly element: HTMLElement) {
    this.tooltip.className = 'tooltip';
    this.tooltip.setAttribute('role', 'status');
    this.tooltip.hidden = true;
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(element);
    element.addEventListener('keydown', (event) => this.onKey(event));
    element.addEventListener('blur', () => this.leave());
  }

  show(curves: Curves, looks: readonly SeriesLook[], stepWord: (step: number) => string): void {
    const sameLooks = JSON.stringify(looks) === JSON.stringify(this.looks);
    this.curves = curves;
    this.looks = looks;
    this.stepWord = stepWord;
    if (this.plot && sameLooks) this.plot.setData(dataOf(curves));
    else this.draw();
  }

  /** Draws the chart anew. A change of theme needs it, because uPlot keeps the colours that it was given. */
  draw(): void {
    this.plot?.destroy();
    this.plot = undefined;
    const width = this.element.clientWidth;
    if (width === 0 || this.looks.length === 0) return;
    this.plot = new uPlot(this.options(width), dataOf(this.curves), this.element);
    this.plot.over.append(this.tooltip);
  }

  dispose(): void {
    this.resizing.disconnect();
    this.plot?.destroy();
    this.plot = undefined;
  }

  private resize(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    if (this.plot) this.plot.setSize({ width, height });
    else this.draw();
  }

  private options(width: number): uPlot.Options {
    const style = getComputedStyle(this.element);
    const color = (name: string): string => style.getPropertyValue(name).trim() || style.color;
    const font = `11px ${style.fontFamily}`;
    const axis: uPlot.Axis = {
      stroke: color('--vscode-descriptionForeground'),
      font,
      grid: { stroke: color('--grid'), width: 1 },
      ticks: { show: false },
      gap: 4,
    };
    return {
      width,
      height,
      legend: { show: false },
      padding: [8, 16, 0, 0],
      scales: { x: { time: false } },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      axes: [
        { ...axis, size: 22, space: 56, incrs: stepIncrements },
        { ...axis, size: 46, space: 28, values: (_, ticks) => ticks.map(tickText) },
      ],
      series: [
        {},
        ...this.looks.map(({ label, color: name, width, opacity = 1, dashed, points }) => ({
          label,
          stroke: withOpacity(color(name), opacity),
          width,
          ...(dashed && { dash: [5, 3] }),
          spanGaps: true,
          points: {
            // A single step has no line; further ones may come.
            show: points !== undefined ? true : () => this.curves.steps.length < 2,
            size: points ?? 4,
            fill: color(name),
            stroke: color(name),
          },
        })),
      ],
      hooks: { setCursor: [(plot) => this.onCursor(plot)] },
    };
  }

  private onCursor(plot: uPlot): void {
    const { idx, left } = plot.cursor;
    if (idx === null || idx === undefined || left === undefined || left < 0) return this.hideTooltip();
    const lines = [this.stepWord(this.curves.steps[idx])];
    this.looks.forEach(({ label }, series) => {
      const value = this.curves.series[series]?.[idx];
      if (value !== null && value !== undefined) lines.push(`${label} ${valueText(value)}`);
    });
    this.tooltip.replaceChildren(
      ...lines.map((line) => {
        const row = document.createElement('div');
        row.textContent = line;
        return row;
      }),
    );
    this.tooltip.hidden = false;
    const isRight = left > plot.over.clientWidth / 2;
    this.tooltip.style.left = isRight ? 'auto' : `${left + 8}px`;
    this.tooltip.style.right = isRight ? `${plot.over.clientWidth - left + 8}px` : 'auto';
  }

  private onKey(event: KeyboardEvent): void {
    const { plot } = this;
    const last = this.curves.steps.length - 1;
    if (!plot || last < 0) return;
    const at = plot.cursor.idx ?? last;
    const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') this.leave();
    if (target === undefined) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, plot.cursor.left! < 0 ? last : target));
    plot.setCursor({ left: plot.valToPos(this.curves.steps[index], 'x'), top: 10 });
  }

  private leave(): void {
    this.plot?.setCursor({ left: -10, top: -10 });
    this.hideTooltip();
  }

  private hideTooltip(): void {
    this.tooltip.hidden = true;
  }
}

/** The charts of a page by their names. */
export class Charts<Name extends string> {
  private readonly placed = new Placed<Name, HTMLElement, Chart>((element) => new Chart(element));

  /** The callback of lit's `ref`. */
  place(name: Name, element: Element | undefined): void {
    this.placed.place(name, element as HTMLElement | undefined);
  }

  show(name: Name, ...drawing: Parameters<Chart['show']>): void {
    this.placed.get(name)?.show(...drawing);
  }

  /** Draws every chart anew, for a change of theme. */
  draw(): void {
    this.placed.forEach((chart) => chart.draw());
  }
}

// Steps are whole numbers, so the axis has no tick at half a step.
const stepIncrements = [1, 2, 5].flatMap((digit) => Array.from({ length: 10 }, (_, power) => digit * 10 ** power)).sort((a, b) => a - b); // prettier-ignore

const dataOf = ({ steps, series }: Curves): uPlot.AlignedData => [steps, ...series] as unknown as uPlot.AlignedData;

function tickText(value: number): string {
  return value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 10_000)
    ? value.toExponential(0)
    : String(Number(value.toPrecision(4)));
}

function withOpacity(color: string, opacity: number): string {
  return opacity === 1 ? color : `color-mix(in srgb, ${color} ${opacity * 100}%, transparent)`;
}
