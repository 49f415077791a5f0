import type { TokenCounter } from '../../../src/preview/tokenCounts';
import { serveData } from '../../../src/worker/serveData';

// A token is a character; there are two special ones, or three around a pair.
const counter: TokenCounter = {
  countTokens: (text) => [...text].length,
  specialTokenCount: (pair) => (pair ? 3 : 2),
};

serveData(async () => counter);
