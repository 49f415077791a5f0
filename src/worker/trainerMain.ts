import { serveTrainer } from './serveTrainer';

// The engine loads with the run, not before: the handshake should not wait for a native library.
serveTrainer(() => import('../training/finetune'));
