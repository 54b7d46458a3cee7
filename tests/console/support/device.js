import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { request } from "./browser.js";
import { afterTest } from "./cleanup.js";

const CONNACK = 2;
const PUBACK = 4;

/** Maximum number of unacknowledged messages. */
const MAX_IN_FLIGHT = 1000;
/** Number of packet ids. */
const PACKET_IDS = 65_535;

/** MQTT device that sends any payload. */
export class Device {
  #socket;
  #received = Buffer.alloc(0);
  #waiting = [];
  #packet = 0;

  /** Registers a device through the REST API, and connects it. */
  static async connect(t, cloud, page, id, model) {
    const device = new Device();
    device.id = id;
    const key = await register(page, id);
    const { hubName, mqtt } = await cloud.running();
    const [host, port] = mqtt.split(":");
    // Other tests verify the certificate.
    device.#socket = connect({
      host,
      port,
      servername: hubName.split(":")[0],
      rejectUnauthorized: false,
    });
    afterTest(t, async () => device.#socket.destroy());
    await once(device.#socket, "secureConnect");
    device.#socket.on("data", (data) => device.#receive(data)).on("error", () => {});
    await device.#sendConnect(hubName, key, model);
    return device;
  }

  /** Sends a message, and waits for its PUBACK. */
  async send(body, contentType = "application/json") {
    await this.#publish(this.#topic(contentType), body);
  }

  /** Sends objects with the given creation times as fast as possible, and waits for all PUBACKs. */
  async sendAll(messages) {
    for (let sent = 0; sent < messages.length; sent += MAX_IN_FLIGHT) {
      this.#socket.cork();
      const acknowledged = messages.slice(sent, sent + MAX_IN_FLIGHT).map(({ created, body }) => {
        const time = encodeURIComponent(new Date(created).toISOString());
        return this.#publish(
          `${this.#topic("application/json")}&%24.ctime=${time}`,
          JSON.stringify(body),
        );
      });
      this.#socket.uncork();
      await Promise.all(acknowledged);
    }
  }

  /** Reports properties, and waits for the PUBACK. */
  async report(properties) {
    await this.#publish(
      "$iothub/twin/PATCH/properties/reported/?$rid=1",
      JSON.stringify(properties),
    );
  }

  /** Sends a malformed packet. */
  sendMalformed() {
    this.#socket.write(Buffer.from([0xf0, 0]));
  }

  async #sendConnect(hubName, key, model) {
    const host = hubName.split(":")[0];
    const announced = model ? `&model-id=${encodeURIComponent(model)}` : "";
    const user = `${host}/${this.id}/?api-version=2021-04-12${announced}`;
    const head = [text("MQTT"), Buffer.from([4, 0xc2, 0, 60])];
    this.#write(0x10, [
      ...head,
      text(this.id),
      text(user),
      text(token(`${host}/devices/${this.id}`, key)),
    ]);
    await this.#expect(CONNACK);
  }

  #topic(contentType) {
    return `devices/${this.id}/messages/events/%24.ct=${encodeURIComponent(contentType)}&%24.ce=utf-8`;
  }

  async #publish(topic, body) {
    this.#packet = (this.#packet % PACKET_IDS) + 1;
    const id = Buffer.from([this.#packet >> 8, this.#packet & 255]);
    this.#write(0x32, [text(topic), id, Buffer.from(body)]);
    await this.#expect(PUBACK);
  }

  #write(kind, parts) {
    const body = Buffer.concat(parts);
    this.#socket.write(Buffer.concat([Buffer.from([kind, ...length(body.length)]), body]));
  }

  #expect(kind) {
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }));
  }

  #receive(data) {
    this.#received = Buffer.concat([this.#received, data]);
    // All packets received here are shorter than 128 bytes.
    while (this.#received.length >= 2 && this.#received.length >= 2 + this.#received[1]) {
      const kind = this.#received[0] >> 4;
      this.#received = this.#received.subarray(2 + this.#received[1]);
      const index = this.#waiting.findIndex((one) => one.kind === kind);
      if (index >= 0) this.#waiting.splice(index, 1)[0].resolve();
    }
  }
}

/** Registers a device from a signed-in page. Returns its key. */
export async function register(page, id) {
  const path = `/devices/${encodeURIComponent(id)}?api-version=2021-04-12`;
  const { json } = await request(page, "PUT", path, { deviceId: id });
  return json.authentication.symmetricKey.primaryKey;
}

/** Maximum number of devices per bulk request. */
const BULK_SIZE = 100;

/** Registers many devices from a signed-in page. */
export async function registerAll(page, ids) {
  for (let from = 0; from < ids.length; from += BULK_SIZE) {
    const orders = ids.slice(from, from + BULK_SIZE).map((id) => ({ id, importMode: "create" }));
    const { status } = await request(page, "POST", "/devices?api-version=2021-04-12", orders);
    if (status !== 200) throw new Error(`the hub answered ${status}`);
  }
}

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function length(value) {
  const digits = [];
  do {
    const rest = value >> 7;
    digits.push((value & 127) | (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return digits;
}

/** Returns a SAS token that is valid for an hour. */
function token(resource, key) {
  const address = encodeURIComponent(resource);
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const signature = createHmac("sha256", Buffer.from(key, "base64"))
    .update(`${address}\n${expiry}`)
    .digest("base64");
  return `SharedAccessSignature sr=${address}&sig=${encodeURIComponent(signature)}&se=${expiry}`;
}
