import { serveTrainer } from '../../../src/worker/serveTrainer';
import { finetune } from '../../../src/training/finetune';

// The trainer process as the extension has it, without the choice of a device.
serveTrainer(async () => ({ finetune: ({ onChosenDevice: _, ...options }) => finetune(options) }));
