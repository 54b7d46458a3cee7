import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";

const REFUSED = /401|403/;

test("who has not signed in is told how to", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await openPage(t, { expected: REFUSED });
  const link = await cloud.link();
  await page.goto(new URL("/", link).href);
  await waitForText(page, "You are signed out");
  await waitForText(page, "cloud console");

  // The page continues after the link was opened in another tab.
  const other = await page.context().newPage();
  await other.goto(link);
  await waitForText(other, "No devices");
  assert.ok(!other.url().includes("token"), other.url());
  await waitForText(page, "No devices");
});

test("a link that is wrong, or was used, says what to do", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const link = await cloud.link();
  const first = await openPage(t);
  await first.goto(link);
  await waitForText(first, "No devices");
  const second = await openPage(t, { expected: REFUSED });
  for (const address of [link, new URL("/console/sign-in?token=0", link).href]) {
    await second.goto(address);
    await waitForText(second, "Sign-in link not valid");
    await waitForText(second, "cloud console");
  }
});
