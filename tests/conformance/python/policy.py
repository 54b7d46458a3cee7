"""Tokens of shared access policies over MQTT, with Microsoft's device SDK and with paho, unmodified.

A policy with DeviceConnect opens the connection of any device its token covers; others open none. Started by
`cloud exec`. Prints a line for each thing proven.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import queue
import sys
import time
from urllib.parse import quote

import paho.mqtt.client as mqtt
from azure.iot.device import Message
from azure.iot.device.aio import IoTHubDeviceClient
from operation import PATIENCE, event, operator
from proof import proven, total

DEVICE_ID = "gateway-1"
OTHER_ID = "gateway-2"
ACCEPTED, NOT_AUTHORIZED = 0, 5


async def policy(name):
    """Host name and key of a shared access policy."""
    _, out, _ = await operator("connection-string", "--policy", name)
    parts = dict(part.split("=", 1) for part in out.strip().split(";"))
    return parts["HostName"].split(":")[0], parts["SharedAccessKey"]


async def token(name, path):
    """A token of a policy for a path of the hub, good for an hour."""
    host, key = await policy(name)
    resource, expiry = quote(host + path, safe=""), int(time.time()) + 3600
    mac = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    signature = quote(base64.b64encode(mac.digest()), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={name}"


async def answer(name, path, device_id=DEVICE_ID):
    """The return code with which the hub answers paho's CONNECT."""
    host, _ = await policy(name)
    codes = queue.Queue()
    client = mqtt.Client(client_id=device_id, protocol=mqtt.MQTTv311)
    client.username_pw_set(f"{host}/{device_id}/?api-version=2021-04-12", await token(name, path))
    client.tls_set(ca_certs=os.environ["SSL_CERT_FILE"])
    client.on_connect = lambda _client, _data, _flags, code: codes.put(code)
    client.connect(host, 8883)
    client.loop_start()
    try:
        return await asyncio.to_thread(codes.get, timeout=PATIENCE)
    finally:
        client.disconnect()
        client.loop_stop()


async def sends():
    client = IoTHubDeviceClient.create_from_sastoken(await token("device", f"/devices/{DEVICE_ID}"))
    await client.connect()
    proven("the SDK connects with a token of the policy device", client.connected)
    message = Message(json.dumps({"temperature": 21.5}))
    message.content_type = "application/json"
    message.content_encoding = "utf-8"
    await client.send_message(message)
    seen = await event(lambda e: e["type"] == "telemetry") or {}
    proven("and sends as the device", seen.get("device") == DEVICE_ID, seen)
    await client.shutdown()


async def opens():
    for name, path, device_id, expected, what in (
        ("device", "", DEVICE_ID, ACCEPTED, "device, for the whole hub"),
        ("device", "", OTHER_ID, ACCEPTED, "device, for the whole hub, as another device"),
        ("iothubowner", "/devices", DEVICE_ID, ACCEPTED, "iothubowner, for all devices"),
        ("device", f"/devices/{DEVICE_ID}", OTHER_ID, NOT_AUTHORIZED, "device, for another device"),
        ("device", "/devices/gateway", DEVICE_ID, NOT_AUTHORIZED, "device, for the beginning of an id"),
        ("service", "", DEVICE_ID, NOT_AUTHORIZED, "service, without DeviceConnect"),
    ):
        code = await answer(name, path, device_id)
        outcome = "accepted" if expected == ACCEPTED else "refused"
        proven(f"a token of the policy {what}, is {outcome}", code == expected, code)


async def proofs():
    for device_id in (DEVICE_ID, OTHER_ID):
        await operator("device", "add", device_id)
    await sends()
    await opens()


async def main():
    try:
        await proofs()
    except Exception as error:
        proven("every step comes to its end", False, error)
    return total()


sys.exit(asyncio.run(main()))
