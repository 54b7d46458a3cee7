"""A device with components on Microsoft's own device SDK, unmodified, against the local cloud.

Takes desired properties and commands as the SDK's sample of a temperature controller does: the first member of a patch
is the component, its version stands behind. Started by `cloud exec`. Prints a line for each thing proven.
"""

import asyncio
import json
import os
import sys

from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubDeviceClient, ProvisioningDeviceClient
from operation import Inbox, event, operator
from proof import proven, total

MODEL_ID = "dtmi:com:example:TemperatureController;1"
COMPONENT = "thermostat1"


async def connected():
    provisioning = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host=os.environ["IOTHUB_DEVICE_DPS_ENDPOINT"].split(":")[0],
        registration_id=os.environ["IOTHUB_DEVICE_DPS_DEVICE_ID"],
        id_scope=os.environ["IOTHUB_DEVICE_DPS_ID_SCOPE"],
        symmetric_key=os.environ["IOTHUB_DEVICE_DPS_DEVICE_KEY"],
    )
    provisioning.provisioning_payload = {"modelId": MODEL_ID}
    assigned = (await provisioning.register()).registration_state
    client = IoTHubDeviceClient.create_from_symmetric_key(
        symmetric_key=os.environ["IOTHUB_DEVICE_DPS_DEVICE_KEY"],
        hostname=assigned.assigned_hub,
        device_id=assigned.device_id,
        product_info=MODEL_ID,
    )
    await client.connect()
    return client


def acknowledgment(patch):
    """The reported properties that acknowledge a patch, whose first member is taken for the component."""
    component = next(iter(patch))
    values = {name: value for name, value in patch[component].items() if name != "__t"}
    answers = {
        name: {"value": value, "ac": 200, "ad": "done", "av": patch["$version"]} for name, value in values.items()
    }
    return {component: {"__t": "c", **answers}}


async def acknowledges(client):
    changes = Inbox()
    client.on_twin_desired_properties_patch_received = changes.put

    async def answer():
        patch = await changes.next()
        await client.patch_twin_reported_properties(acknowledgment(patch))
        return patch

    answering = asyncio.create_task(answer())
    # The handler above makes the SDK subscribe; GET returns only after that.
    await client.get_twin()
    code, out, err = await operator("set", "--json", "--component", COMPONENT, "targetTemperature", "23.5")
    patch = await answering
    proven("the first member of a patch is the component", list(patch) == [COMPONENT, "$version"], patch)
    expected = {"__t": "c", "targetTemperature": 23.5}
    proven("which is marked as one", patch[COMPONENT] == expected, patch)
    proven("the operator sees it acknowledged", code == 0 and json.loads(out)["ac"] == 200, out + err)
    twin = await client.get_twin()
    proven("the version stands last in the twin too", list(twin["desired"])[-1] == "$version", twin["desired"])


async def answers(client):
    async def handle(request):
        answer = {"asked": [request.name, request.payload]}
        await client.send_method_response(MethodResponse.create_from_method_request(request, 200, answer))

    client.on_method_request_received = handle
    await client.get_twin()
    since = "2026-01-01T00:00:00Z"
    code, out, err = await operator("call", "--component", COMPONENT, "getMaxMinReport", since)
    expected = {"asked": [f"{COMPONENT}*getMaxMinReport", since]}
    proven("a command names its component", code == 0 and json.loads(out) == expected, out + err)


async def sends(client):
    message = Message(json.dumps({"temperature": 21.5}))
    message.content_type = "application/json"
    message.content_encoding = "utf-8"
    message.custom_properties["$.sub"] = COMPONENT
    await client.send_message(message)
    seen = await event(lambda e: e["type"] == "telemetry") or {}
    proven("telemetry is that of its component", seen.get("component") == COMPONENT, seen)


async def proofs():
    client = await connected()
    proven("the hub accepts it", client.connected)
    for step in (acknowledges, answers, sends):
        await step(client)
    await client.shutdown()


async def main():
    try:
        await proofs()
    except Exception as error:
        proven("every step comes to its end", False, error)
    return total()


sys.exit(asyncio.run(main()))
