"""Microsoft's own device SDK, unmodified, against the local cloud.

Does what the SDK's sample of a thermostat does, and checks each step from the operator's side with the `cloud` command.
Started by `cloud exec`, which sets the sample's environment variables. Prints a line for each thing proven.
"""

import asyncio
import json
import os
import sys

from azure.iot.device import Message, MethodResponse
from azure.iot.device import exceptions
from azure.iot.device.aio import IoTHubDeviceClient, ProvisioningDeviceClient
from operation import Inbox, event, events, operator
from proof import proven, total

MODEL_ID = "dtmi:com:example:Thermostat;1"
WRONG_KEY = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3I="


async def arrived(temperature):
    """The message with this temperature, once the hub has it."""
    return await event(lambda e: e["type"] == "telemetry" and e["body"] == {"temperature": temperature})


async def provision(key):
    client = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host=os.environ["IOTHUB_DEVICE_DPS_ENDPOINT"].split(":")[0],
        registration_id=os.environ["IOTHUB_DEVICE_DPS_DEVICE_ID"],
        id_scope=os.environ["IOTHUB_DEVICE_DPS_ID_SCOPE"],
        symmetric_key=key,
    )
    client.provisioning_payload = {"modelId": MODEL_ID}
    return await client.register()


async def connected(result, key=None):
    client = IoTHubDeviceClient.create_from_symmetric_key(
        symmetric_key=key or os.environ["IOTHUB_DEVICE_DPS_DEVICE_KEY"],
        hostname=result.registration_state.assigned_hub,
        device_id=result.registration_state.device_id,
        product_info=MODEL_ID,
        connection_retry_interval=1,
    )
    try:
        await client.connect()
    except exceptions.ClientError:
        await client.shutdown()
        raise
    return client


def telemetry(temperature):
    message = Message(json.dumps({"temperature": temperature}))
    message.content_type = "application/json"
    message.content_encoding = "utf-8"
    message.custom_properties["alert"] = "yes & no"
    return message


async def sends(client):
    await client.send_message(telemetry(21.5))
    seen = await arrived(21.5) or {}
    proven("telemetry arrives", bool(seen), await events())
    proven("with its content type", seen.get("contentType") == "application/json", seen)
    proven("and its properties", seen.get("properties") == {"alert": "yes & no"}, seen)


async def reports(client):
    await client.patch_twin_reported_properties({"maxTempSinceLastReboot": 38.7})
    twin = await client.get_twin()
    proven("a reported property is in the twin", twin["reported"].get("maxTempSinceLastReboot") == 38.7, twin)
    _, out, _ = await operator("twin")
    proven("the operator sees it", json.loads(out)["reported"].get("maxTempSinceLastReboot") == 38.7, out)
    proven("and the model id", json.loads(out)["modelId"] == MODEL_ID, out)


async def acknowledges(client):
    changes = Inbox()
    client.on_twin_desired_properties_patch_received = changes.put

    async def answer():
        patch = await changes.next()
        acknowledgment = {
            "value": patch["targetTemperature"], "ac": 200, "ad": "done", "av": patch["$version"]
        }
        await client.patch_twin_reported_properties({"targetTemperature": acknowledgment})
        return patch

    answering = asyncio.create_task(answer())
    # The handler above makes the SDK subscribe; GET returns only after that.
    await client.get_twin()
    code, out, err = await operator("set", "--json", "targetTemperature", "23.5")
    patch = await answering
    proven("a desired property is pushed", patch["targetTemperature"] == 23.5, patch)
    proven("the operator sees it acknowledged", code == 0 and json.loads(out)["ac"] == 200, out + err)


async def answers(client):
    async def handle(request):
        answer = {"asked": request.payload}
        await client.send_method_response(MethodResponse.create_from_method_request(request, 200, answer))

    client.on_method_request_received = handle
    await client.get_twin()
    code, out, err = await operator("call", "getMaxMinReport", '"2026-01-01T00:00:00Z"')
    proven("a method is answered", code == 0 and json.loads(out) == {"asked": "2026-01-01T00:00:00Z"}, out + err)


async def receives(client):
    messages = Inbox()
    client.on_message_received = messages.put
    await client.get_twin()
    await operator("send", "good morning", "--property", "urgent=yes")
    message = await messages.next()
    proven("a cloud-to-device message arrives", message.data == b"good morning", message.data)
    proven("with its properties", message.custom_properties.get("urgent") == "yes", message.custom_properties)


async def link(states, up):
    """Waits until the SDK says that the connection is up, or down."""
    while await states.next() != up:
        pass


async def reconnects(client):
    states = Inbox()
    client.on_connection_state_change = lambda: states.put(client.connected)
    await operator("fault", "reset")
    await link(states, False)
    await link(states, True)
    await client.send_message(telemetry(22.5))
    proven("after a TCP reset it sends again", await arrived(22.5) is not None)
    code, out, err = await operator("call", "getMaxMinReport", '"again"')
    proven("and answers methods", code == 0 and json.loads(out) == {"asked": "again"}, out + err)

    await operator("fault", "refuse", "on")
    await operator("fault", "reset")
    await link(states, False)
    await operator("set", "--no-wait", "targetTemperature", "25.5")
    await operator("fault", "refuse", "off")
    await link(states, True)
    twin = await client.get_twin()
    proven("after an outage it finds what was set meanwhile", twin["desired"].get("targetTemperature") == 25.5, twin)


async def gives_way(first, result):
    states = Inbox()
    first.on_connection_state_change = lambda: states.put(first.connected)
    second = await connected(result)
    await link(states, False)
    proven("a second connection of one id drops the first", True)
    await first.shutdown()
    await second.shutdown()


async def refused(who, attempt):
    try:
        await attempt
        proven(f"{who} refuses a wrong key", False, "it was accepted")
    except exceptions.CredentialError:
        proven(f"{who} refuses a wrong key", True)


async def proofs():
    await refused("DPS", provision(WRONG_KEY))
    result = await provision(os.environ["IOTHUB_DEVICE_DPS_DEVICE_KEY"])
    proven("DPS assigns the device", result.status == "assigned", result.status)
    await refused("the hub", connected(result, WRONG_KEY))
    client = await connected(result)
    proven("the hub accepts it", client.connected)
    for step in (sends, reports, acknowledges, answers, receives, reconnects):
        await step(client)
    await gives_way(client, result)


async def main():
    try:
        await proofs()
    except Exception as error:
        proven("every step comes to its end", False, error)
    return total()


sys.exit(asyncio.run(main()))
