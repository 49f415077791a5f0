// Prints mocha's usual report, and writes the result of every test to the file that MEDTEXT_E2E_TESTS names.
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

/** The title of the outermost describe, which has its own window. */
function suiteOf(runnable) {
  let { parent } = runnable;
  while (parent?.parent && !parent.parent.root) ({ parent } = parent);
  return parent?.title ?? '';
}

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const tests = [];
    // After every test, so that a run that is ended from outside leaves the results so far.
    const write = (ended) => writeFileSync(process.env.MEDTEXT_E2E_TESTS, JSON.stringify({ tests, ended }));
    const note = (state) => (test, error) => {
      tests.push({ suite: suiteOf(test), title: test.fullTitle(), state, error: error?.stack ?? error?.message });
      write(false);
    };
    runner.on('pass', note('passed'));
    runner.on('fail', note('failed'));
    runner.on('end', () => write(true));
  }
};
