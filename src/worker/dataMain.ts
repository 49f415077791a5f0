import { serveData } from './serveData';

// The tokenizers' library loads at its first use, so that a preview shows rows earlier.
serveData(async (folder) => (await import('./tokenCounter')).tokenCounter(folder));
