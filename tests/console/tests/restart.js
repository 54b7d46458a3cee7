import { test } from "node:test";
import { see, signIn } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device } from "../support/device.js";

test("a cloud that is killed and started again under an open page is told, and the page goes on", async (t) => {
  const dir = await directory(t);
  const cloud = await Cloud.run(t, dir);
  const link = new URL(await cloud.link());
  const page = await signIn(t, cloud, { expected: /ERR_|401/ });
  const device = await Device.connect(t, cloud, page, "t-1", "dtmi:com:example:Thermostat;1");
  await device.send("{\"temperature\": 21.5}");
  await page.getByRole("link", { name: "t-1" }).click();
  await page.getByRole("button", { name: /^Temperature/ }).getByText("21.5").waitFor();

  const { mqtt, https } = await cloud.running();
  await cloud.process.end("SIGKILL");
  await see(page, "The cloud does not answer.");
  const again = await Cloud.run(t, dir, { mqtt, https, console: link.port });
  // Its sessions ended with it.
  await see(page, "You are signed out");
  const other = await page.context().newPage();
  await other.goto(await again.link());
  await page.getByRole("button", { name: /^Temperature/ }).getByText("21.5").waitFor();
  await page.getByText("Not connected").first().waitFor();
});
