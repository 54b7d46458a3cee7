// What is proven: a line for each check, and the total.
"use strict";

const { inspect } = require("node:util");

let passed = 0;
let failed = 0;

/** Prints whether `what` holds, and if not what was seen instead. */
function proven(what, holds, seen) {
  if (holds) {
    passed += 1;
    console.log(`ok      ${what}`);
  } else {
    failed += 1;
    console.log(`FAILED  ${what}: ${shown(seen)}`);
  }
}

/** Of an error no more than its words: the SDK's hold the whole request, with its token. */
function shown(seen) {
  return seen instanceof Error ? seen.stack : inspect(seen, { depth: 8, breakLength: Infinity });
}

/** Prints the total, and sets the exit code that says it. */
function total() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

module.exports = { proven, total };
