import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, see } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";

const REFUSED = /401|403/;

test("who has not signed in is told how to", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await openPage(t, { expected: REFUSED });
  const link = await cloud.link();
  await page.goto(new URL("/", link).href);
  await see(page, "You are signed out");
  await see(page, "cloud console");

  // The page goes on by itself once the link was opened elsewhere in this browser.
  const other = await page.context().newPage();
  await other.goto(link);
  await see(other, "There is no device yet.");
  assert.ok(!other.url().includes("token"), other.url());
  await see(page, "There is no device yet.");
});

test("a link that is wrong, or was used, says what to do", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const link = await cloud.link();
  const first = await openPage(t);
  await first.goto(link);
  await see(first, "There is no device yet.");
  const second = await openPage(t, { expected: REFUSED });
  for (const address of [link, new URL("/console/sign-in?token=0", link).href]) {
    await second.goto(address);
    await see(second, "This link does not sign in");
    await see(second, "cloud console");
  }
});
