const ending = new WeakMap();

/** Acts, with a promise, when the test ends, the last first: a page is closed before the cloud it is of. */
export function atEnd(t, act) {
  const acts = ending.get(t) ?? [];
  acts.push(act);
  if (ending.has(t)) return;
  ending.set(t, acts);
  t.after(async () => {
    const wrong = [];
    for (const act of acts.reverse()) await act().catch((error) => wrong.push(error));
    if (wrong.length > 0) throw wrong[0];
  });
}
