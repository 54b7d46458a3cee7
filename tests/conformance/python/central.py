"""Microsoft's client of IoT Central, unmodified, against the local cloud.

Provisions itself as it would in IoT Central, sends, acknowledges and answers. Started by `cloud exec`,
because the client knows port 8883 only. Prints a line for each thing proven.
"""

import asyncio
import json
import os
import sys

from iotc import IOTCConnectType, IOTCEvents, IOTCLogLevel
from iotc.aio import IoTCClient
from operation import Inbox, event, operator
from proof import proven, total

MODEL_ID = "dtmi:com:example:TemperatureController;1"
COMPONENT = "thermostat1"


async def connected(changes, commands):
    device_id = os.environ["IOTHUB_DEVICE_DPS_DEVICE_ID"]
    key = os.environ["IOTHUB_DEVICE_DPS_DEVICE_KEY"]
    client = IoTCClient(
        device_id, os.environ["IOTHUB_DEVICE_DPS_ID_SCOPE"], IOTCConnectType.IOTC_CONNECT_DEVICE_KEY, key
    )
    client.set_log_level(IOTCLogLevel.IOTC_LOGGING_DISABLED)
    client.set_global_endpoint(os.environ["IOTHUB_DEVICE_DPS_ENDPOINT"].split(":")[0])
    client.set_model_id(MODEL_ID)

    async def changed(prop):
        changes.put((prop.component_name, prop.name, prop.value))
        return True

    async def commanded(command):
        commands.put((command.component_name, command.name, command.value))
        await command.reply()

    client.on(IOTCEvents.IOTC_PROPERTIES, changed)
    client.on(IOTCEvents.IOTC_COMMAND, commanded)
    await client.connect()
    return client


async def sends(client):
    await client.send_telemetry({"temperature": 21.5}, {"$.sub": COMPONENT})
    seen = await event(lambda e: e["type"] == "telemetry") or {}
    # The client encodes its content type twice, so the hub does not take the body for JSON.
    proven("telemetry arrives", json.loads(seen.get("text", "null")) == {"temperature": 21.5}, seen)
    proven("from its component", seen.get("component") == COMPONENT, seen)


async def reports(client):
    await client.send_property({"serialNumber": "SN-1"})
    _, out, _ = await operator("twin")
    twin = json.loads(out)
    proven("a reported property is in the twin", twin["reported"].get("serialNumber") == "SN-1", out)
    proven("and the model id", twin["modelId"] == MODEL_ID, out)


async def acknowledges(changes):
    code, out, err = await operator("set", "--json", "--component", COMPONENT, "targetTemperature", "23.5")
    seen = await changes.next()
    proven("a desired property of a component arrives", seen == (COMPONENT, "targetTemperature", 23.5), seen)
    proven("the operator sees it acknowledged", code == 0 and json.loads(out)["ac"] == 200, out + err)


async def answers(commands):
    since = "2026-01-01T00:00:00Z"
    code, out, err = await operator("call", "--component", COMPONENT, "getMaxMinReport", since)
    seen = await commands.next()
    proven("a command of a component arrives", seen == (COMPONENT, "getMaxMinReport", since), seen)
    proven("and is answered", code == 0 and json.loads(out)["result"] is True, out + err)


async def proofs():
    changes, commands = Inbox(), Inbox()
    client = await connected(changes, commands)
    proven("it is provisioned and connected", client.is_connected())
    await sends(client)
    await reports(client)
    await acknowledges(changes)
    await answers(commands)
    await client.disconnect()


async def main():
    # The client ends the program where it cannot go on.
    try:
        await proofs()
    except (Exception, SystemExit) as error:
        proven("every step comes to its end", False, error)
    return total()


sys.exit(asyncio.run(main()))
