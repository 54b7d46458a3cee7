/** Publishes views as the device template of a model, from a signed-in page. */
export function publishViews(page, model, views) {
  return page.evaluate(
    async ({ address, views }) => {
      const order = {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ views }),
      };
      await fetch(address, order);
      await fetch(`${address}/publish`, { method: "POST" });
    },
    { address: `/api/templates/${encodeURIComponent(model)}`, views },
  );
}
