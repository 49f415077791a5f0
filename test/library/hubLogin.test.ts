import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hubLogins, loginToken } from '../../src/library/hubLogin';

describe("logins of the hubs' own clients", () => {
  const cookies = join(__dirname, '../fixtures/hubLogin/cookies');
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'medtext-login-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const place = (path: string): string => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    return join(home, path);
  };
  const logins = (env: NodeJS.ProcessEnv = {}) => hubLogins({ env, home });

  it('are found where each client leaves them, and are none where there is none', async () => {
    assert.deepEqual(await logins(), []);
    copyFileSync(cookies, place('.modelscope/credentials/cookies'));
    writeFileSync(place('.cache/huggingface/token'), 'hf_token_of_nobody\n');
    assert.deepEqual(await logins(), [
      { hub: 'modelscope', command: 'modelscope login', file: join(home, '.modelscope/credentials/cookies') },
      { hub: 'huggingface', command: 'hf auth login', file: join(home, '.cache/huggingface/token') },
    ]);
    writeFileSync(place('elsewhere/token'), 'other');
    const [, moved] = await logins({ HF_HOME: '~/elsewhere' });
    assert.equal(moved.file, join(home, 'elsewhere/token'));
    assert.equal((await logins({ HF_TOKEN_PATH: join(home, 'none'), MODELSCOPE_HOME: home })).length, 0);
  });

  it('give their token while it counts; nothing in them is executed', async () => {
    copyFileSync(cookies, place('.modelscope/credentials/cookies'));
    writeFileSync(place('.cache/huggingface/token'), ' hf_token_of_nobody\n');
    const [modelScope, huggingFace] = await logins();
    // The fixture's expires 30 days after it was made.
    assert.equal(await loginToken(modelScope, 0), 'ms-0123-token-of-nobody');
    assert.equal(await loginToken(modelScope, Date.UTC(2100, 0)), undefined);
    assert.equal(await loginToken(huggingFace), 'hf_token_of_nobody');
    const system = Buffer.from('\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04exit\x85R.', 'latin1');
    for (const broken of [system, readFileSync(cookies).subarray(0, 300), Buffer.from('hello'), Buffer.alloc(0)]) {
      writeFileSync(modelScope.file, broken);
      assert.equal(await loginToken(modelScope, 0), undefined);
    }
  });
});
