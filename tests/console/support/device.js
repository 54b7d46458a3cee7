import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { atEnd } from "./ending.js";

const CONNACK = 2;
const PUBACK = 4;

/** Messages on their way at once when many are sent. */
const ON_THE_WAY = 1000;
/** Packet ids there are. */
const PACKETS = 65_535;

/** A device that says whatever it is told to, in MQTT written by hand. */
export class Device {
  #socket;
  #taken = Buffer.alloc(0);
  #waiting = [];
  #packet = 0;

  /** Registers a device as the page does, and connects it. */
  static async connect(t, cloud, page, id, model) {
    const device = new Device();
    device.id = id;
    const key = await register(page, id);
    const { hubName, mqtt } = await cloud.running();
    const [host, port] = mqtt.split(":");
    // The certificate is looked at by other tests.
    device.#socket = connect({ host, port, servername: hubName.split(":")[0], rejectUnauthorized: false });
    atEnd(t, async () => device.#socket.destroy());
    await once(device.#socket, "secureConnect");
    device.#socket.on("data", (data) => device.#take(data)).on("error", () => {});
    await device.#introduce(hubName, key, model);
    return device;
  }

  /** Sends a message and waits until the hub has it. */
  async send(body, contentType = "application/json") {
    await this.#publish(this.#topic(contentType), body);
  }

  /** Sends objects that were made at these moments, as fast as the hub takes them, and waits until it has all of them. */
  async sendAll(messages) {
    for (let sent = 0; sent < messages.length; sent += ON_THE_WAY) {
      this.#socket.cork();
      const taken = messages.slice(sent, sent + ON_THE_WAY).map(({ made, body }) => {
        const time = encodeURIComponent(new Date(made).toISOString());
        return this.#publish(`${this.#topic("application/json")}&%24.ctime=${time}`, JSON.stringify(body));
      });
      this.#socket.uncork();
      await Promise.all(taken);
    }
  }

  /** Reports properties and waits until the hub has them. */
  async report(properties) {
    await this.#publish("$iothub/twin/PATCH/properties/reported/?$rid=1", JSON.stringify(properties));
  }

  /** Sends what is no packet. */
  babble() {
    this.#socket.write(Buffer.from([0xf0, 0]));
  }

  async #introduce(hubName, key, model) {
    const host = hubName.split(":")[0];
    const announced = model ? `&model-id=${encodeURIComponent(model)}` : "";
    const user = `${host}/${this.id}/?api-version=2021-04-12${announced}`;
    const head = [text("MQTT"), Buffer.from([4, 0xc2, 0, 60])];
    this.#write(0x10, [...head, text(this.id), text(user), text(token(`${host}/devices/${this.id}`, key))]);
    await this.#answer(CONNACK);
  }

  #topic(contentType) {
    return `devices/${this.id}/messages/events/%24.ct=${encodeURIComponent(contentType)}&%24.ce=utf-8`;
  }

  async #publish(topic, body) {
    this.#packet = (this.#packet % PACKETS) + 1;
    const id = Buffer.from([this.#packet >> 8, this.#packet & 255]);
    this.#write(0x32, [text(topic), id, Buffer.from(body)]);
    await this.#answer(PUBACK);
  }

  #write(kind, parts) {
    const body = Buffer.concat(parts);
    this.#socket.write(Buffer.concat([Buffer.from([kind, ...length(body.length)]), body]));
  }

  #answer(kind) {
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }));
  }

  #take(data) {
    this.#taken = Buffer.concat([this.#taken, data]);
    // The packets a device gets here are all shorter than 128 bytes.
    while (this.#taken.length >= 2 && this.#taken.length >= 2 + this.#taken[1]) {
      const kind = this.#taken[0] >> 4;
      this.#taken = this.#taken.subarray(2 + this.#taken[1]);
      const index = this.#waiting.findIndex((one) => one.kind === kind);
      if (index >= 0) this.#waiting.splice(index, 1)[0].resolve();
    }
  }
}

/** Registers a device from the page of who has signed in. Returns its key. */
export function register(page, id) {
  return page.evaluate(async (id) => {
    const order = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ deviceId: id }) };
    const answer = await fetch(`/devices/${encodeURIComponent(id)}?api-version=2021-04-12`, order);
    return (await answer.json()).authentication.symmetricKey.primaryKey;
  }, id);
}

/** So many devices can be changed with one request. */
const AT_ONCE = 100;

/** Registers many devices from the page of who has signed in. */
export async function registerAll(page, ids) {
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const orders = ids.slice(from, from + AT_ONCE).map((id) => ({ id, importMode: "create" }));
    const status = await page.evaluate(async (orders) => {
      const order = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(orders) };
      return (await fetch("/devices?api-version=2021-04-12", order)).status;
    }, orders);
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

/** A token as devices sign it, for an hour. */
function token(resource, key) {
  const address = encodeURIComponent(resource);
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(`${address}\n${expiry}`).digest("base64");
  return `SharedAccessSignature sr=${address}&sig=${encodeURIComponent(signature)}&se=${expiry}`;
}
