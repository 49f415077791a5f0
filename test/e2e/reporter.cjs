// mocha's usual report, and beside it every test with how it ended, in the file that MEDTEXT_E2E_TESTS names.
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

/** Of the outermost describe: what has a window of its own. */
function suiteOf(runnable) {
  let { parent } = runnable;
  while (parent?.parent && !parent.parent.root) ({ parent } = parent);
  return parent?.title ?? '';
}

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const tests = [];
    const note = (state) => (test, error) =>
      tests.push({ suite: suiteOf(test), title: test.fullTitle(), state, error: error?.stack ?? error?.message });
    runner.on('pass', note('passed'));
    runner.on('fail', note('failed'));
    runner.on('end', () => writeFileSync(process.env.MEDTEXT_E2E_TESTS, JSON.stringify({ tests })));
  }
};
