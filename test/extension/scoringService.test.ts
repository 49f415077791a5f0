import assert from 'node:assert/strict';
import { MedTextError } from '../../src/base/errors';
import { ScoringService } from '../../src/extension/scoringService';

describe('what a data file is', () => {
  it('is asked once, also where the file is at fault; again where the process ended', async () => {
    const answers: (() => Promise<unknown>)[] = [
      async () => Promise.reject(new MedTextError('CLOSED', 'The scorer process has ended.')),
      async () => Promise.reject(new MedTextError('DATA_FORMAT', 'no data')),
    ];
    let asked = 0;
    const scorer = { request: () => answers[asked++]() };
    const service = new ScoringService(scorer as any, () => undefined);
    const code = () => service.dataInfo({ file: '/w/a.csv' }, '1').then(() => '', ({ code }) => code as string); // prettier-ignore
    assert.deepEqual([await code(), await code(), await code(), asked], ['CLOSED', 'DATA_FORMAT', 'DATA_FORMAT', 2]);
  });
});
