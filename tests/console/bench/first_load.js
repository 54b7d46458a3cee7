import { openPage } from "../support/browser.js";

/** What an observer in the page waits for: the first device of the list. */
const ROW = "table.devices tbody tr";

/**
 * Opens the list of devices in a browser that has nothing of it yet. Tells how long it took from the navigation until
 * the list was painted, in milliseconds, and how many bytes had come by then: files of the page, and data.
 */
export async function firstLoad(t, cloud) {
  const page = await openPage(t);
  const wire = await wireOf(page);
  await page.addInitScript(notePaint, ROW);
  await page.goto(await cloud.link());
  const painted = await page.waitForFunction(() => window.painted);
  const taken = await painted.jsonValue();
  const bytes = { ...wire };
  await page.context().close();
  return { taken, ...bytes };
}

/** The time a browser takes for a small file of the same cloud. */
export async function smallFile(t, cloud) {
  // The browser asks for an icon beside it.
  const page = await openPage(t, { expected: /401/ });
  const address = new URL("/console/licences.txt", await cloud.link());
  await page.addInitScript(notePaint, "body");
  await page.goto(address.href);
  const painted = await page.waitForFunction(() => window.painted);
  const taken = await painted.jsonValue();
  await page.context().close();
  return taken;
}

/** Counts what comes to a page from now on. */
async function wireOf(page) {
  const session = await page.context().newCDPSession(page);
  const bytes = { files: 0, data: 0 };
  const addresses = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => addresses.set(requestId, request.url));
  const count = (requestId, more) => {
    const isFile = new URL(addresses.get(requestId)).pathname.startsWith("/console/");
    bytes[isFile ? "files" : "data"] += more;
  };
  session.on("Network.dataReceived", ({ requestId, dataLength }) => count(requestId, dataLength));
  session.on("Network.responseReceived", ({ requestId, response }) => count(requestId, response.encodedDataLength));
  await session.send("Network.enable");
  return bytes;
}

/** In the page: notes when the first element of this kind was painted. */
function notePaint(selector) {
  const look = () => {
    if (!document.querySelector(selector)) return requestAnimationFrame(look);
    // The frame that shows it has been drawn when the next one begins.
    requestAnimationFrame(() => (window.painted = performance.now()));
  };
  look();
}
