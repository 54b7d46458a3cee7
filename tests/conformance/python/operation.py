"""The operator's side of a device program: the `cloud` command, and the events of the hub."""

import asyncio
import json
import os
import queue
import time

# Longer than the time-outs of the `cloud` command, so that its own words are what a failure shows.
PATIENCE = 60


async def operator(*arguments):
    """Runs the `cloud` command; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        os.environ["CLOUD"], *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, out.decode(), err.decode()


async def events():
    _, out, _ = await operator("events", "--json")
    return [json.loads(line) for line in out.splitlines()]


async def event(matches):
    """The first event that matches, once there is one."""
    deadline = time.monotonic() + PATIENCE
    process = await asyncio.create_subprocess_exec(
        os.environ["CLOUD"], "events", "--json", "--follow", "--tail", "all", stdout=asyncio.subprocess.PIPE
    )
    try:
        while time.monotonic() < deadline:
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
            if not line:
                return None
            if matches(json.loads(line)):
                return json.loads(line)
    finally:
        process.terminate()
        await process.wait()
    return None


class Inbox(queue.Queue):
    """What the SDK hands to a handler, which it calls on a thread of its own."""

    async def next(self):
        return await asyncio.to_thread(self.get, timeout=PATIENCE)
