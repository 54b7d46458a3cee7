"""The least a program on Microsoft's SDK does: connect with a connection string and send one message."""

import asyncio
import os

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubDeviceClient


async def main():
    client = IoTHubDeviceClient.create_from_connection_string(os.environ["IOTHUB_DEVICE_CONNECTION_STRING"])
    await client.connect()
    message = Message('{"temperature": 21.5}')
    message.content_type = "application/json"
    message.content_encoding = "utf-8"
    await client.send_message(message)
    print("Sent message", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
