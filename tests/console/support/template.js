import { request } from "./browser.js";

/** Publishes views as the device template of a model, from a signed-in page. */
export async function publishViews(page, model, views) {
  const path = `/api/templates/${encodeURIComponent(model)}`;
  await request(page, "PUT", path, { views });
  await request(page, "POST", `${path}/publish`);
}
