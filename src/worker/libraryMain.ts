import { serveLibrary } from './serveLibrary';

// The engine loads at the first request, so that the handshake does not wait for it.
serveLibrary(async () => (await import('./libraryEngine')).LibraryEngine);
