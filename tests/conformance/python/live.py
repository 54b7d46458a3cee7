"""A live device for the back end's programs: our host, and what it is seen to do."""

import json
import os
import subprocess
import threading

# Longer than anything takes; only ever reached by a check that fails.
PATIENCE = 60


class Device:
    """The host as device `device_id`, which is registered under `key`, for as long as the `with` lasts."""

    def __init__(self, device_id, key, component):
        hub = os.environ["IOTHUB_DEVICE_CONNECTION_STRING"].split(";")[0]
        self.command = [os.environ["HOST"], "--component", component]
        self.variables = {
            "IOTHUB_DEVICE_SECURITY_TYPE": "connectionString",
            "IOTHUB_DEVICE_CONNECTION_STRING": f"{hub};DeviceId={device_id};SharedAccessKey={key}",
            "HOST_STATE_DIR": os.path.join(os.environ["CLOUD_DIR"], "state", device_id),
        }

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
