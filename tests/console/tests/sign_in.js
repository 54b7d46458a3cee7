import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { openPage, signIn, waitForText } from "../support/browser.js";
import { afterTest } from "../support/cleanup.js";
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

test("a page on another port of this machine gets nothing that opens the console", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const console = new URL(page.url());
  const stolen = [];
  const thief = createServer((request, response) => {
    stolen.push(request.headers);
    response.end("<!doctype html><link rel=icon href=data:>");
  });
  await new Promise((resolve) => thief.listen(0, "127.0.0.1", resolve));
  afterTest(t, async () => thief.closeAllConnections());
  afterTest(t, async () => thief.close());
  const other = await page.context().newPage();
  await other.goto(`http://127.0.0.1:${thief.address().port}/`);
  // Browsers keep cookies by host: the other port does get the cookie.
  const { cookie } = stolen.find((headers) => headers.cookie);
  assert.match(cookie, new RegExp(`cloud-console-${console.port}=`));
  for (const header of Object.keys(stolen[0])) assert.notEqual(header, "x-console-key");
  assert.equal(await other.evaluate(() => localStorage.getItem("session-key")), null);
  const key = await page.evaluate(() => localStorage.getItem("session-key"));
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(page.url().includes(key), false);

  const path = "/devices?api-version=2021-04-12";
  const status = async (headers) => (await fetch(new URL(path, console), { headers })).status;
  assert.equal(await status({ cookie }), 401);
  assert.equal(await status({ "x-console-key": key }), 401);
  assert.equal(await status({ cookie, "x-console-key": key }), 200);
});

test("signing out ends the session in every tab, and so does the owner", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: REFUSED });
  await waitForText(page, "No devices");
  const other = await page.context().newPage();
  await other.goto(page.url());
  await waitForText(other, "No devices");
  const cookies = await page.context().cookies();
  const key = await page.evaluate(() => localStorage.getItem("session-key"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await waitForText(page, "You are signed out");
  await waitForText(other, "You are signed out");
  await page.context().addCookies(cookies);
  await page.evaluate((key) => localStorage.setItem("session-key", key), key);
  await page.reload();
  await waitForText(page, "You are signed out");

  await page.goto(await cloud.link());
  await waitForText(page, "No devices");
  await waitForText(other, "No devices");
  assert.equal(await cloud.cli("console", "--sign-out"), "1 session ended");
  await waitForText(page, "You are signed out");
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
