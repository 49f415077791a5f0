/** A beginning that pieces share. */
interface Branch {
  /** The id of the piece that ends here; -1 where none does. */
  id: number;
  /** The first of the longer pieces that are not divided into branches yet; -1 where none is left. */
  pending: number;
  /** The branches by the next code unit. Undefined until the pieces are divided. */
  next?: Map<number, Branch>;
}

/**
 * A trie of pieces that grows only where texts go. Texts meet few of a multilingual vocabulary's quarter of a million
 * pieces, and building the whole trie takes longer than reading many texts. The empty piece is ignored. Of equal pieces
 * the last one counts.
 */
export class PieceTrie {
  /** The pieces that a branch has not divided are a chain: each is followed by the one before it. */
  private readonly following: Int32Array;
  private readonly root: Branch;

  constructor(private readonly pieces: readonly string[]) {
    this.following = new Int32Array(pieces.length);
    for (let id = 0; id < pieces.length; id++) this.following[id] = id - 1;
    this.root = { id: -1, pending: pieces.length - 1 };
  }

  /** Calls `found` with the end and id of each piece that stands at `start`, the shortest first. */
  each(text: string, start: number, found: (end: number, id: number) => void): void {
    let branch: Branch | undefined = this.root;
    for (let at = start; at < text.length;) {
      branch = (branch.next ?? this.grow(branch, at - start)).get(text.charCodeAt(at++));
      if (!branch) return;
      if (branch.id >= 0) found(at, branch.id);
    }
  }

  /** The id of a piece. Undefined for one that is not there. */
  get(piece: string): number | undefined {
    let id: number | undefined;
    this.each(piece, 0, (end, each) => {
      if (end === piece.length) id = each;
    });
    return id;
  }

  private grow(branch: Branch, depth: number): Map<number, Branch> {
    const next = new Map<number, Branch>();
    for (let id = branch.pending, after: number; id >= 0; id = after) {
      after = this.following[id];
      const piece = this.pieces[id];
      if (piece === '') continue;
      const unit = piece.charCodeAt(depth);
      let child = next.get(unit);
      if (!child) next.set(unit, (child = { id: -1, pending: -1 }));
      if (piece.length === depth + 1) child.id = Math.max(child.id, id);
      else {
        this.following[id] = child.pending;
        child.pending = id;
      }
    }
    branch.pending = -1;
    return (branch.next = next);
  }
}
