/** Preloaded into the built command line: when the process ends it writes its peak memory into a folder. */
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

process.on('exit', () => {
  let bytes = process.resourceUsage().maxRSS * 1024;
  try {
    // The highest resident size of this program alone; maxRSS may be that of what ran before it in the same process.
    bytes = Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    // No Linux: maxRSS it is.
  }
  writeFileSync(join(process.env.MEDTEXT_BENCH_PEAKS, `${process.pid}.json`), JSON.stringify({ bytes }));
});
