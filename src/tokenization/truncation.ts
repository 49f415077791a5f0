/**
 * How many tokens each of two texts keeps so that together they have at most `budget`. This is "longest_first" of
 * Hugging Face's Rust library `tokenizers` (`truncation=True`): the longer text is cut down to the length of the
 * shorter one, then both share the budget. The second text gets an odd token. (The old Python tokenizers gave it to the
 * first text.)
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
