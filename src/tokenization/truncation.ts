/**
 * How many tokens each of two texts keeps so that together they have at most `budget`: Hugging Face's "longest_first" of
 * the Rust `tokenizers` library (what `truncation=True` means), which shortens the longer text down to the shorter one and
 * then shares the budget, the second text getting the odd token. (The old Python tokenizers gave it to the first.)
 */
export function longestFirst(lengthA: number, lengthB: number, budget: number): [number, number] {
  if (lengthA + lengthB <= budget) return [lengthA, lengthB];
  const shorter = Math.min(lengthA, lengthB);
  let keepShorter = shorter;
  let keepLonger = shorter > budget ? shorter : Math.max(shorter, budget - shorter);
  if (keepShorter + keepLonger > budget) {
    keepShorter = Math.floor(budget / 2);
    keepLonger = keepShorter + (budget % 2);
  }
  return lengthA > lengthB ? [keepLonger, keepShorter] : [keepShorter, keepLonger];
}
