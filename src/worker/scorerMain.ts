import { serveScorer } from './serveScorer';

// The engine loads with the first request: the handshake should not wait for a native library.
serveScorer(async () => (await import('./scorerEngine')).scorerEngine);
