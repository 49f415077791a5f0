import { MULTI_LABEL_TRAININGS } from '../support/multiLabel';
import { assertFollows, trainTrajectory } from '../support/trajectory';

describe('training on several labels a row follows PyTorch and transformers', () => {
  for (const [name, { options, expected }] of Object.entries(MULTI_LABEL_TRAININGS)) {
    for (const [way, how] of Object.entries({
      'in whole batches': {},
      'in batches of 3 whose gradients add up': { parts: 3 },
      'in micro-batches of 3': { microBatchSize: 3 },
    })) {
      it(`${name}, ${way}`, async () => assertFollows(await trainTrajectory({ ...options, ...how }), 1e-4, expected));
    }
  }
});
