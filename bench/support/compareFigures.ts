import type { Figure } from './report';

/** What `npm run bench` writes, as far as it is compared. */
export interface SuiteFile {
  readonly isQuick: boolean;
  readonly threads: number;
  readonly machine: { readonly cpu?: string; readonly cores: number };
  readonly parts: readonly {
    readonly name: string;
    readonly figures?: readonly Figure[];
    readonly failed?: string;
  }[];
}

export interface Comparison {
  readonly rows: readonly (readonly string[])[];
  /** Names of figures that are worse by more than the tolerance. */
  readonly regressions: readonly string[];
  /** Parts that failed in the later run. */
  readonly failed: readonly string[];
}

/** @throws Error where the files have nothing in common, or one of them is a quick run and the other one is not */
export function compareFigures(earlier: SuiteFile, later: SuiteFile, tolerance: number): Comparison {
  if (earlier.isQuick !== later.isQuick) throw new Error('A quick run takes few turns: it is compared with another quick run alone.'); // prettier-ignore
  const isSameMachine = earlier.machine.cpu === later.machine.cpu && earlier.machine.cores === later.machine.cores && earlier.threads === later.threads; // prettier-ignore
  const before = new Map(figuresOf(earlier).map((figure) => [figure.name, figure]));
  const rows: string[][] = [];
  const regressions: string[] = [];
  for (const figure of figuresOf(later)) {
    const known = before.get(figure.name);
    if (!known) continue;
    const isByRatio = known.ratio !== undefined && figure.ratio !== undefined && known.peer === figure.peer;
    if (!isByRatio && !isSameMachine) continue;
    const [old, now] = isByRatio ? [known.ratio!, figure.ratio!] : [known.value, figure.value];
    const change = now / old - 1;
    const isWorse = change > tolerance;
    if (isWorse) regressions.push(figure.name);
    const by = isByRatio ? `ratio to ${figure.peer}` : figure.unit;
    rows.push([figure.name, by, old.toPrecision(3), now.toPrecision(3), `${change > 0 ? '+' : ''}${(100 * change).toFixed(0)} %${isWorse ? ' WORSE' : ''}`]); // prettier-ignore
  }
  const failed = later.parts.filter((part) => part.failed !== undefined).map(({ name }) => name);
  if (rows.length === 0 && failed.length === 0) throw new Error('The files have no figure in common.');
  return { rows, regressions, failed };
}

function figuresOf({ parts }: SuiteFile): readonly Figure[] {
  return parts.flatMap(({ figures = [] }) => figures);
}
