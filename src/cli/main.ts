#!/usr/bin/env node
/** `medtext`: the engine from a terminal. What reads files runs in a second process, which can be killed. */
import { runSecondProcess, secondProcessVariables } from './secondProcess';

const args = process.argv.slice(2);
const variables = secondProcessVariables(args);
// Not import(): Node would look through all of the bundle for what it exports.
if (variables === undefined) require('./command');
else {
  void runSecondProcess(args, variables).then((code) => {
    process.exitCode = code;
  });
}
