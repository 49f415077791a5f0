/** Versions, requirements and file names of wheels, as far as CUDA's packages use them (PEP 440, 427, 508, 600). */

export interface Requirement {
  /** The package's name in its normal form: lower case, dashes. */
  readonly name: string;
  /** Such as `~=13.0`; empty: any version. */
  readonly specifier: string;
  readonly extra: string | undefined;
}

/** The `Requires-Dist` lines of a package's METADATA. Lines that cannot be read are left out. */
export function requirementsOf(metadata: string): Requirement[] {
  return metadata.split(/\r?\n\r?\n/)[0].split(/\r?\n/).flatMap((line) => {
    const match = /^Requires-Dist:\s*([A-Za-z0-9][\w.-]*)\s*\(?([^;()[\]]*)\)?\s*(?:;(.*))?$/.exec(line);
    if (!match) return [];
    const extra = /extra\s*==\s*["']([\w.-]+)["']/.exec(match[3] ?? '')?.[1];
    return [{ name: normalisedName(match[1]), specifier: match[2].trim(), extra }];
  }); // prettier-ignore
}

export const normalisedName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

/** The numbers of a release; undefined for a pre-release and for a text that is no version. */
export function releaseOf(version: string): number[] | undefined {
  const match = /^v?(?:0!)?(\d+(?:\.\d+)*)(?:\.post\d+)?(?:\+[\w.]+)?$/.exec(version.trim());
  return match ? match[1].split('.').map(Number) : undefined;
}

export function compareReleases(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a release satisfies `~=13.0`, `==1.30.0`, `==13.*`, `>=2,<3`, `!=`. No release satisfies another form. */
export function satisfies(version: string, specifier: string): boolean {
  const release = releaseOf(version);
  if (!release) return false;
  return specifier
    .split(',')
    .filter((clause) => clause.trim() !== '')
    .every((clause) => {
      const match = /^\s*(~=|==|!=|>=|<=|>|<)\s*(\d+(?:\.\d+)*)(\.\*)?\s*$/.exec(clause);
      if (!match) return false;
      const [, operator, text, star] = match;
      const bound = text.split('.').map(Number);
      const order = compareReleases(release, bound);
      const begins = (prefix: readonly number[]) => prefix.every((part, i) => (release[i] ?? 0) === part);
      switch (operator) {
        case '~=':
          return order >= 0 && begins(bound.slice(0, -1));
        case '==':
          return star ? begins(bound) : order === 0;
        case '!=':
          return star ? !begins(bound) : order !== 0;
        case '>=':
          return order >= 0;
        case '<=':
          return order <= 0;
        case '>':
          return order > 0;
        default:
          return order < 0;
      }
    });
}

export interface WheelName {
  readonly name: string;
  readonly version: string;
  /** Such as `cp312`, `py3`. */
  readonly python: string;
  readonly abi: string;
  readonly platforms: readonly string[];
}

/** Undefined for a name that is not a wheel's. */
export function parseWheelName(file: string): WheelName | undefined {
  // Only the characters that PEP 427 allows, since the name becomes a file's name.
  const match = /^(\w[\w.]*)-(\d[\w.!+]*)(?:-\d[\w.]*)?-([\w.]+)-([\w.]+)-([\w.]+)\.whl$/.exec(file);
  if (!match) return undefined;
  const [, name, version, python, abi, platforms] = match;
  return { name: normalisedName(name), version, python, abi, platforms: platforms.split('.') };
}

const LEGACY_GLIBC: Readonly<Record<string, readonly number[]>> = {
  manylinux1_x86_64: [2, 5],
  manylinux2010_x86_64: [2, 12],
  manylinux2014_x86_64: [2, 17],
};

/** The oldest glibc that a wheel for x86-64 Linux runs with; undefined for a wheel of another platform. */
export function glibcOf({ platforms }: WheelName): readonly number[] | undefined {
  const floors = platforms.flatMap((platform) => {
    const modern = /^manylinux_(\d+)_(\d+)_x86_64$/.exec(platform);
    const floor = modern ? [Number(modern[1]), Number(modern[2])] : LEGACY_GLIBC[platform];
    return floor ? [floor] : [];
  });
  return floors.sort(compareReleases)[0];
}
