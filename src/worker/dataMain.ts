import { serveData } from './serveData';

// The tokenizers' library loads when it is first asked for: a preview shows rows before.
serveData(async (folder) => (await import('./tokenCounter')).tokenCounter(folder));
