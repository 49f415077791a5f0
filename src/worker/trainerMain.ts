import { serveTrainer } from './serveTrainer';

// The engine loads at the start of the run, so that the handshake does not wait for a native library.
serveTrainer(async () => {
  const { finetune } = await import('../training/finetune');
  const { chooseDevice } = await import('../devices/deviceChoice');
  return {
    finetune: ({ onChosenDevice, ...options }) =>
      finetune({
        ...options,
        async chooseDevice(log) {
          const choice = await chooseDevice({ log });
          onChosenDevice(choice);
          return choice;
        },
      }),
  };
});
