// A live device for the back end's programs: our host, and what it is seen to do.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

// Longer than anything takes; only ever reached by a check that fails. In seconds.
const PATIENCE = 60;

/** The variables of a device that is registered under `key`. */
function registered(deviceId, key) {
  const hub = process.env.IOTHUB_DEVICE_CONNECTION_STRING.split(";")[0];
  return {
    IOTHUB_DEVICE_SECURITY_TYPE: "connectionString",
    IOTHUB_DEVICE_CONNECTION_STRING: `${hub};DeviceId=${deviceId};SharedAccessKey=${key}`,
  };
}

/** The variables of a device that DPS knows by `key`. */
function enrolled(registrationId, key) {
  return {
    IOTHUB_DEVICE_SECURITY_TYPE: "DPS",
    IOTHUB_DEVICE_DPS_DEVICE_ID: registrationId,
    IOTHUB_DEVICE_DPS_DEVICE_KEY: key,
  };
}

/** Runs the host as device `deviceId`, known by `key`, while `work` does. */
async function withDevice(deviceId, key, component, work, variables = registered) {
  const env = {
    ...process.env,
    ...variables(deviceId, key),
    HOST_STATE_DIR: join(process.env.CLOUD_DIR, "state", deviceId),
  };
  const stdio = ["ignore", "ignore", "inherit"];
  const host = spawn(process.env.HOST, ["--component", component], { env, stdio });
  const ended = once(host, "exit");
  try {
    await work(host);
  } finally {
    host.kill();
    await ended;
  }
}

/** The first event of the hub's that matches, once there is one; undefined if none comes. */
async function event(matches) {
  const stdio = ["ignore", "pipe", "inherit"];
  const events = spawn(process.env.CLOUD, ["events", "--json", "--follow", "--tail", "all"], {
    stdio,
  });
  const alarm = setTimeout(() => events.kill(), PATIENCE * 1000);
  try {
    for await (const line of createInterface({ input: events.stdout })) {
      const seen = JSON.parse(line);
      if (matches(seen)) return seen;
    }
  } finally {
    clearTimeout(alarm);
    events.kill();
  }
}

/** A device's acknowledgment of its desired property `name` at `version`, once it has come. */
async function acknowledged(name, version, component) {
  const within = ({ patch }) => {
    const found = (component ? patch?.[component] : patch)?.[name];
    return found?.av === version ? found : undefined;
  };
  const seen = await event(within);
  return seen && within(seen);
}

module.exports = { PATIENCE, acknowledged, enrolled, event, withDevice };
