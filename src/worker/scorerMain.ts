import { serveScorer } from './serveScorer';

// The engine loads at the first request, so that the handshake does not wait for a native library.
serveScorer(async () => (await import('./scorerEngine')).scorerEngine);
