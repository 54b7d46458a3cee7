import { test } from "node:test";
import { screenshot, signIn, waitForText, waitForTextGone } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device } from "../support/device.js";

const MODEL = "dtmi:com:example:Thermostat;1";

/** Opens the page of a device that has sent a temperature. Returns the ports of its cloud. */
async function open(t, cloud) {
  const page = await signIn(t, cloud, { expected: /ERR_|401|404/ });
  const device = await Device.connect(t, cloud, page, "t-1", MODEL);
  await device.send('{"temperature": 21.5}');
  await page.getByRole("link", { name: "t-1" }).click();
  await temperature(page);
  const { mqtt, https } = await cloud.running();
  return { page, ports: { mqtt, https, console: new URL(page.url()).port } };
}

const temperature = (page) =>
  page
    .getByRole("button", { name: /^Temperature/ })
    .getByText("21.5")
    .waitFor();

test("a cloud that is killed and started again under an open page is told, and the page goes on by itself", async (t) => {
  const dir = await directory(t);
  const cloud = await Cloud.run(t, dir);
  const { page, ports } = await open(t, cloud);
  await cloud.process.end("SIGKILL");
  await waitForText(page, "Connection to the cloud lost");
  await waitForText(page, "Unknown");
  const again = await Cloud.run(t, dir, ports);
  await waitForText(page, "Connection restored");
  await temperature(page);
  await page.getByText("Disconnected").first().waitFor();
  await screenshot(page, "restart-back");
  const other = await Device.connect(t, again, page, "t-2", MODEL);
  await page.goto(page.url().replace("t-1", "t-2"));
  await other.send('{"temperature": 21.5}');
  await temperature(page);
  await waitForTextGone(page, "You are signed out");
});

test("a cloud that keeps nothing is signed in to again, and the page goes on", async (t) => {
  const dir = await directory(t);
  const options = ["--ephemeral"];
  const cloud = await Cloud.run(t, dir, undefined, options);
  const { page, ports } = await open(t, cloud);
  await cloud.process.end("SIGKILL");
  await waitForText(page, "Connection to the cloud lost");
  const again = await Cloud.run(t, dir, ports, options);
  await waitForText(page, "You are signed out");
  await screenshot(page, "restart-signed-out");
  const other = await page.context().newPage();
  await other.goto(await again.link());
  await waitForTextGone(page, "You are signed out");
  await page.getByRole("link", { name: "Devices", exact: true }).click();
  await waitForText(page, "No devices");
});
