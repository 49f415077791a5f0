#!/usr/bin/env node
/** The entry point of `medtext`. Commands that read files run in a second process, which can be killed. */
import { runSecondProcess, secondProcessVariables } from './secondProcess';

const args = process.argv.slice(2);
const variables = secondProcessVariables(args);
// With import(), Node would scan the whole bundle for its exports.
if (variables === undefined) require('./command');
else {
  void runSecondProcess(args, variables).then((code) => {
    process.exitCode = code;
  });
}
