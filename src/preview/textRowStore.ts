import { words } from '../base/words';
import { badRow, type DataFile, type TextAccess } from '../data/dataFile';
import type { Piece } from '../data/dataRow';
import { BlockTable } from './blockTable';
import { maxKeptBadRows, type RowStore, type StoredRow, type UnreadableRow } from './rowStore';

/** Small, so that what is decoded in vain before a block is little. */
const CHUNK_BYTES = 1 << 16;
/** Characters of parsed blocks that are kept: scrolling asks for neighbours. */
const CACHE_CHARACTERS = 1 << 22;
const SCAN_BATCH_CHARACTERS = 1 << 20;

/** The row store of JSON, JSON Lines and delimited files: positions in the text, which is read again from the disk. */
export class TextRowStore implements RowStore {
  rows = 0;
  badRows = 0;
  readonly firstBadRows: UnreadableRow[] = [];
  fraction = 0;
  isComplete = false;

  private readonly text: TextAccess;
  private readonly blocks = new BlockTable();
  private readonly badByRow = new Map<number, UnreadableRow>();
  /** Characters indexed. */
  private length = 0;
  private cache = new Map<number, { readonly rows: readonly StoredRow[]; readonly characters: number }>();
  private cachedCharacters = 0;

  constructor(private readonly file: DataFile) {
    this.text = file.text!;
  }

  get indexBytes(): number {
    return this.blocks.bytes;
  }

  async build(onProgress: () => void, signal?: AbortSignal): Promise<void> {
    // Chunks that the reader has been given and has not yet made pieces of: where they begin, in characters and bytes.
    let anchors: { position: number; offset: number }[] = [];
    let given = 0;
    let readBytes = 0;
    const { text } = this;
    async function* chunks() {
      for await (const chunk of text.chunks({ signal, chunkBytes: CHUNK_BYTES })) {
        anchors.push({ position: given, offset: chunk.offset });
        given += chunk.text.length;
        readBytes = chunk.offset;
        yield chunk.text;
      }
    }
    let position = 0;
    let anchor = 0;
    let blockRows = BlockTable.maxRows;
    let blockPosition = 0;
    let lastReport = 0;
    for await (const batch of text.piecesOf(chunks())) {
      for (const piece of batch) {
        if (piece.kind === 'row' || piece.kind === 'bad') {
          const isKeptBad = piece.kind === 'bad' && this.badByRow.size < maxKeptBadRows;
          if (isKeptBad || blockRows >= BlockTable.maxRows || position - blockPosition >= BlockTable.maxLength) {
            while (anchor + 1 < anchors.length && anchors[anchor + 1].position <= position) anchor++;
            const { offset, position: start } = anchors[anchor];
            this.blocks.add(this.rows, position, piece.line, offset, start);
            blockRows = 0;
            blockPosition = position;
          }
          if (piece.kind === 'bad') {
            this.badRows++;
            const bad = { row: this.rows, ...badRow(piece) };
            if (isKeptBad) {
              this.badByRow.set(this.rows, bad);
              this.firstBadRows.push(bad);
              // A block of its own: how it was found broken may depend on what follows.
              blockRows = BlockTable.maxRows;
            }
          }
          blockRows++;
          this.rows++;
        }
        position += piece.text.length;
      }
      this.length = position;
      if (anchor > 1000) {
        anchors = anchors.slice(anchor);
        anchor = 0;
      }
      this.fraction = Math.min(1, readBytes / this.file.sizeBytes);
      if (this.rows > 0 && (lastReport === 0 || performance.now() - lastReport > 100)) {
        lastReport = performance.now();
        onProgress();
      }
    }
    this.fraction = 1;
    this.isComplete = true;
    onProgress();
  }

  async read(start: number, count: number, signal?: AbortSignal): Promise<StoredRow[]> {
    const found: StoredRow[] = [];
    const end = Math.min(start + count, this.rows);
    for (let row = start; row < end;) {
      const at = this.blocks.find(row);
      const block = await this.readBlock(at, signal);
      const first = this.blocks.block(at).row;
      const rows = block.slice(row - first, end - first);
      if (rows.length === 0) break;
      found.push(...rows);
      row += rows.length;
    }
    return found;
  }

  async *scan(signal?: AbortSignal): AsyncGenerator<StoredRow[]> {
    let row = 0;
    let rows: StoredRow[] = [];
    let characters = 0;
    for await (const batch of this.text.pieces(signal)) {
      for (const piece of batch) {
        if (piece.kind === 'row') rows.push({ row: row++, line: piece.line, values: piece.values });
        else if (piece.kind === 'bad') rows.push({ row: row++, ...badRow(piece) });
        characters += piece.text.length;
        if (characters < SCAN_BATCH_CHARACTERS) continue;
        yield rows;
        rows = [];
        characters = 0;
      }
    }
    yield rows;
  }

  async close(): Promise<void> {
    this.cache.clear();
  }

  private async readBlock(at: number, signal?: AbortSignal): Promise<readonly StoredRow[]> {
    const cached = this.cache.get(at);
    if (cached) {
      this.cache.delete(at);
      this.cache.set(at, cached);
      return cached.rows;
    }
    const block = this.blocks.block(at);
    const isLast = at + 1 === this.blocks.count;
    const endPosition = isLast ? this.length : this.blocks.block(at + 1).position;
    const endRow = isLast ? this.rows : this.blocks.block(at + 1).row;
    // Read before the text is: the index may end meanwhile, and what was read of the block would count as all of it.
    const mayGrow = isLast && !this.isComplete;
    const kept = this.badByRow.get(block.row);
    if (kept) return [kept];

    const characters = endPosition - block.position;
    const text = await this.textAt(block.anchorOffset, block.position - block.anchorPosition, characters, signal);
    const rows: StoredRow[] = [];
    const pieces = this.text.piecesOf(once(text), { line: block.line, newline: this.text.newline });
    for await (const batch of pieces) for (const piece of batch) addRow(rows, block.row, piece);
    // A file that changed under us, or a row that reads differently out of its context: the numbers must still be right.
    rows.length = Math.min(rows.length, endRow - block.row);
    while (rows.length < endRow - block.row) {
      const row = block.row + rows.length;
      rows.push({
        row,
        line: block.line,
        reason: words`the row cannot be read again; has the file changed?`,
        excerpt: '',
      });
    }
    if (!mayGrow) this.keep(at, rows, characters);
    return rows;
  }

  private async textAt(offset: number, skip: number, length: number, signal?: AbortSignal): Promise<string> {
    const parts: string[] = [];
    let passed = 0;
    for await (const chunk of this.text.chunks({ start: offset, signal, chunkBytes: CHUNK_BYTES })) {
      const from = Math.max(0, skip - passed);
      const to = Math.min(chunk.text.length, skip + length - passed);
      if (to > from) parts.push(chunk.text.slice(from, to));
      passed += chunk.text.length;
      if (passed >= skip + length) break;
    }
    return parts.join('');
  }

  private keep(at: number, rows: readonly StoredRow[], characters: number): void {
    if (characters > CACHE_CHARACTERS) return;
    // Two may have read it at once.
    this.cachedCharacters += characters - (this.cache.get(at)?.characters ?? 0);
    this.cache.set(at, { rows, characters });
    for (const [oldest, entry] of this.cache) {
      if (this.cachedCharacters <= CACHE_CHARACTERS) break;
      this.cache.delete(oldest);
      this.cachedCharacters -= entry.characters;
    }
  }
}

function addRow(rows: StoredRow[], first: number, piece: Piece): void {
  if (piece.kind === 'row') rows.push({ row: first + rows.length, line: piece.line, values: piece.values });
  else if (piece.kind === 'bad') rows.push({ row: first + rows.length, ...badRow(piece) });
}

async function* once(text: string): AsyncGenerator<string> {
  if (text !== '') yield text;
}
