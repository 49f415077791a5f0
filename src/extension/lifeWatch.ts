import { DisposableStore, type Disposable } from '../base/disposables';
import { durationText } from '../base/durationText';
import { trainingSilenceText, type Silence } from '../protocol/silence';
import type { Services } from './services';
import { showWarning } from './messages';

/** Says when a child process hangs, and what can be done; a long step is no hang (src/worker/lifeSigns.ts). */
export function registerLifeWatch(services: Services): Disposable {
  const store = new DisposableStore();
  const { training, scorer, data, library, log, t } = services;

  let shown: Silence | undefined;
  store.add(
    training.onDidChange(({ silence, request, phase }) => {
      if (silence === shown) return;
      shown = silence;
      if (!silence) return void (phase !== 'idle' && log.info('The trainer answers again.'));
      log.warn(`The trainer is ${silence.kind}: silent for ${silence.seconds} s.`);
      const { pid } = training;
      const stop = t('Stop Now');
      const wait = t('Wait');
      void showWarning(trainingSilenceText(request?.name ?? '', silence, t), stop, wait).then((choice) => {
        // By the time of the answer another run may be under way.
        if (choice === stop && training.pid === pid) training.stopNow();
      });
    }),
  );
  const others = [
    { name: 'scorer', onSilence: scorer.onSilence, restartIt: () => scorer.restart(), restart: t('Restart the Scorer'), text: (time: string) => t('The scoring process has not responded for {0}.', time) }, // prettier-ignore
    { name: 'data process', onSilence: data.onSilence, restartIt: () => data.restart(), restart: t('Restart It'), text: (time: string) => t('The process that reads data files has not responded for {0}.', time) }, // prettier-ignore
    { name: 'library', onSilence: library.onSilence, restartIt: () => library.restartNow(), restart: t('Restart It'), text: (time: string) => t('The process that imports and inspects models has not responded for {0}.', time) }, // prettier-ignore
  ];
  for (const { name, onSilence, restartIt, restart, text: textOf } of others) {
    store.add(
      onSilence((silence) => {
        if (!silence) return log.info(`The ${name} answers again.`);
        log.warn(`The ${name} is ${silence.kind}: silent for ${silence.seconds} s.`);
        const text = textOf(durationText(silence.seconds, t));
        void showWarning(text, restart, t('Wait')).then((choice) => {
          if (choice === restart) void restartIt();
        });
      }),
    );
  }
  return store;
}
