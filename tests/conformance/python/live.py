"""A live device for the back end's programs: our host, and what it is seen to do."""

import json
import os
import subprocess
import threading

# Longer than anything takes; only ever reached by a check that fails.
PATIENCE = 60


def registered(device_id, key):
    """The variables of a device that is registered under `key`."""
    hub = os.environ["IOTHUB_DEVICE_CONNECTION_STRING"].split(";")[0]
    return {
        "IOTHUB_DEVICE_SECURITY_TYPE": "connectionString",
        "IOTHUB_DEVICE_CONNECTION_STRING": f"{hub};DeviceId={device_id};SharedAccessKey={key}",
    }


def enrolled(registration_id, key):
    """The variables of a device that DPS knows by `key`."""
    return {
        "IOTHUB_DEVICE_SECURITY_TYPE": "DPS",
        "IOTHUB_DEVICE_DPS_DEVICE_ID": registration_id,
        "IOTHUB_DEVICE_DPS_DEVICE_KEY": key,
    }


class Device:
    """The host as the device `device_id` with these variables, for as long as the `with` lasts."""

    def __init__(self, device_id, key, component, variables=registered):
        self.command = [os.environ["HOST"], "--component", component]
        state = os.path.join(os.environ["CLOUD_DIR"], "state", device_id)
        self.variables = {**variables(device_id, key), "HOST_STATE_DIR": state}

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, env={**os.environ, **self.variables}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def event(matches):
    """The first event of the hub's that matches, once there is one; None if none comes."""
    command = [os.environ["CLOUD"], "events", "--json", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        alarm = threading.Timer(PATIENCE, process.terminate)
        alarm.start()
        try:
            return next(filter(matches, map(json.loads, process.stdout)), None)
        finally:
            alarm.cancel()
            process.terminate()


def acknowledged(name, version, component=None):
    """A device's acknowledgment of its desired property `name` at `version`, once it has come."""

    def within(seen):
        patch = seen.get("patch", {})
        found = (patch.get(component, {}) if component else patch).get(name)
        return found if isinstance(found, dict) and found.get("av") == version else None

    seen = event(within)
    return seen and within(seen)
