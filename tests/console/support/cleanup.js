const cleanups = new WeakMap();

/**
 * Registers an async cleanup for the end of the test. Cleanups run in reverse order: a page is
 * closed before its cloud.
 */
export function afterTest(t, act) {
  const acts = cleanups.get(t) ?? [];
  acts.push(act);
  if (cleanups.has(t)) return;
  cleanups.set(t, acts);
  t.after(async () => {
    const errors = [];
    for (const act of acts.reverse()) await act().catch((error) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  });
}

/** Runs a program that is no test, then the cleanups it has registered. */
export async function withCleanup(run) {
  const registered = [];
  try {
    await run({ after: (act) => registered.push(act) });
  } finally {
    for (const act of registered) await act();
  }
}
