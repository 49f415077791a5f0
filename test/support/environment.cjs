const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

// Tests that load the runtime themselves send no usage reports either (see src/inference/session.ts).
process.env.ORT_DISABLE_TELEMETRY = '1';

// What `device: auto` came to on this machine is no business of the tests, nor theirs the machine's.
const cache = mkdtempSync(join(tmpdir(), 'medtext-test-cache-'));
process.env.XDG_CACHE_HOME = cache;
process.env.LOCALAPPDATA = cache;
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
