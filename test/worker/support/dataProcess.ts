import { FileWatch } from '../../../src/base/fileWatch';
import type { TokenCounter } from '../../../src/preview/tokenCounts';
import { serveData } from '../../../src/worker/serveData';

// A token is a character; there are two special ones, or three around a pair.
const counter: TokenCounter = {
  countTokens(text) {
    if (text !== '无尽') return [...text].length;
    return new FileWatch('tokens', process.env.TEST_ENDLESS!, 0).during(() => {
      for (;;);
    });
  },
  specialTokenCount: (pair) => (pair ? 3 : 2),
};

serveData(async () => counter);
