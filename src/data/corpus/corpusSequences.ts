/** A corpus's documents, dealt to learning and held out, and cut into sequences. */
import { keyOf, uniformAt } from '../../base/random';
import { MedTextError, words } from '../../base/errors';
import type { CorpusIndex } from './corpusIndex';

/**
 * Which documents are held out, 1 each: a share of them, one at least, and never all. Equal documents are on one side, so nothing that is
 * learned is measured again.
 * @throws MedTextError DATA_FORMAT where there are not two different documents.
 */
export function heldOutDocuments(
  { hashes, folder }: Pick<CorpusIndex, 'hashes' | 'folder'>,
  share: number,
  seed: number,
): Uint8Array {
  const key = keyOf(seed, 8);
  const draws = Float64Array.from(hashes, (hash) => uniformAt(key, hash));
  const ascending = draws.slice().sort();
  const wanted = Math.max(1, Math.round(share * hashes.length));
  // The document of the largest draw, and those that equal it, are never held out.
  const others = ascending.subarray(0, ascending.indexOf(ascending[ascending.length - 1]));
  if (others.length === 0) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`The corpus is one document, or several equal documents. One is held out, so none would be left to train on. Add texts, or set what counts as a document ("document": "blank-line" or "line").`,
      { folder, documents: hashes.length },
    );
  }
  const limit = others[Math.min(wanted, others.length) - 1];
  return Uint8Array.from(draws, (draw) => (draw <= limit ? 1 : 0));
}

/** Stretches of at most so many tokens, none of which crosses documents. */
export class CorpusSequences {
  /** [count] the first token, how many there are, and the document. */
  readonly starts: Float64Array;
  readonly lengths: Uint16Array;
  readonly documents: Uint32Array;

  /** @param takes whether a document belongs to it */
  constructor(
    { starts }: Pick<CorpusIndex, 'starts'>,
    takes: (document: number) => boolean,
    readonly longest: number,
  ) {
    const count = this.each(starts, takes, () => undefined);
    this.starts = new Float64Array(count);
    this.lengths = new Uint16Array(count);
    this.documents = new Uint32Array(count);
    this.each(starts, takes, (at, document, start, length) => {
      this.starts[at] = start;
      this.lengths[at] = length;
      this.documents[at] = document;
    });
  }

  get count(): number {
    return this.lengths.length;
  }

  /** @returns how many there are */
  private each(
    starts: Float64Array,
    takes: (document: number) => boolean,
    visit: (at: number, document: number, start: number, length: number) => void,
  ): number {
    let at = 0;
    for (let document = 0; document + 1 < starts.length; document++) {
      if (!takes(document)) continue;
      const end = starts[document + 1];
      for (let start = starts[document]; start < end; start += this.longest) {
        visit(at++, document, start, Math.min(this.longest, end - start));
      }
    }
    return at;
  }
}
