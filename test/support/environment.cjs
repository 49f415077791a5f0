const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

// Tests that load the runtime themselves must not send usage reports either (see src/inference/session.ts).
process.env.ORT_DISABLE_TELEMETRY = '1';

// Tests have their own cache, so that the machine's choice for `device: auto` and that of the tests do not affect each other.
const cache = mkdtempSync(join(tmpdir(), 'medtext-test-cache-'));
process.env.XDG_CACHE_HOME = cache;
process.env.LOCALAPPDATA = cache;
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
