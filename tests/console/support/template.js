/** Makes these views the next version of a model's template, from the page of who has signed in. */
export function publishViews(page, model, views) {
  return page.evaluate(async ({ address, views }) => {
    const order = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ views }) };
    await fetch(address, order);
    await fetch(`${address}/publish`, { method: "POST" });
  }, { address: `/api/templates/${encodeURIComponent(model)}`, views });
}
