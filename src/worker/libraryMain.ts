import { serveLibrary } from './serveLibrary';

// Hub, checkpoints and runtime load with the first request.
serveLibrary(async () => (await import('./libraryEngine')).LibraryEngine);
