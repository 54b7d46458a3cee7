import { openPage } from "../support/browser.js";

/** Selector of the first device of the list. */
const ROW = "table.devices tbody tr";

/**
 * Opens the device list in an empty browser context. Returns the milliseconds from the navigation
 * to the first paint of the list, and the bytes received until then: files and data.
 */
export async function firstLoad(t, cloud) {
  const page = await openPage(t);
  const received = await countBytes(page);
  await page.addInitScript(notePaint, ROW);
  await page.goto(await cloud.link());
  const painted = await page.waitForFunction(() => window.painted);
  const duration = await painted.jsonValue();
  const bytes = { ...received };
  await page.context().close();
  return { duration, ...bytes };
}

/** Returns the load time of a small file of the same cloud. */
export async function smallFile(t, cloud) {
  // The browser also requests an icon.
  const page = await openPage(t, { expected: /401/ });
  const address = new URL("/console/licences.txt", await cloud.link());
  await page.addInitScript(notePaint, "body");
  await page.goto(address.href);
  const painted = await page.waitForFunction(() => window.painted);
  const duration = await painted.jsonValue();
  await page.context().close();
  return duration;
}

/** Counts the bytes received by a page. */
async function countBytes(page) {
  const session = await page.context().newCDPSession(page);
  const bytes = { files: 0, data: 0 };
  const addresses = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request }) =>
    addresses.set(requestId, request.url),
  );
  const count = (requestId, more) => {
    const isFile = new URL(addresses.get(requestId)).pathname.startsWith("/console/");
    bytes[isFile ? "files" : "data"] += more;
  };
  session.on("Network.dataReceived", ({ requestId, dataLength }) => count(requestId, dataLength));
  session.on("Network.responseReceived", ({ requestId, response }) =>
    count(requestId, response.encodedDataLength),
  );
  await session.send("Network.enable");
  return bytes;
}

/** Runs in the page: notes when the first matching element was painted. */
function notePaint(selector) {
  const check = () => {
    if (!document.querySelector(selector)) return requestAnimationFrame(check);
    // The frame is painted when the next one starts.
    requestAnimationFrame(() => (window.painted = performance.now()));
  };
  check();
}
