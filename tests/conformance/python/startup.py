"""From the start of a process to its first acknowledged message, and its memory: our host beside Microsoft's SDK.

Started by `cloud exec` with a connection string. Both run in turn, so that both meet the same machine.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 10
HOST, COMPONENT = sys.argv[1:3]


def run(command):
    """Milliseconds to the first message, and peak memory in MB."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in process.stdout:
        if line.startswith(b"Sent message"):
            break
    else:
        sys.exit(f"error: {command[0]} sent nothing")
    taken = (time.perf_counter() - begun) * 1000
    with open(f"/proc/{process.pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1000
    process.terminate()
    process.wait()
    return taken, peak


def host(cache):
    return run([HOST, "--component", COMPONENT, "--cache-dir", cache])


def show(what, figure, goal=""):
    print(f"{what:<58}{figure:>12}   {goal}")


def verdict(holds, goal):
    return f"goal {goal}: {'pass' if holds else 'MISS'}"


with tempfile.TemporaryDirectory() as folder:
    first = [host(os.path.join(folder, str(number))) for number in range(3)]
    cache = os.path.join(folder, "0")
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(host(cache))
        theirs.append(run([sys.executable, os.path.join(os.path.dirname(__file__), "first_message.py")]))

median = lambda runs, column: statistics.median(run[column] for run in runs)
start, baseline = median(ours, 0), median(theirs, 0)
memory, first_memory = median(ours, 1), median(first, 1)
print(f"start-up, connection string, medians of {RUNS} runs in turn")
show("host, cached image: to the first acknowledged message", f"{start:.1f} ms", verdict(start <= 20, "20 ms"))
show("Microsoft's Python SDK, the same (baseline)", f"{baseline:.1f} ms")
show("ratio", f"{start / baseline:.3f}", verdict(start <= baseline / 5, "1/5"))
show("host, first start: the compiler runs", f"{median(first, 0):.1f} ms")
show("host, cached image: peak memory", f"{memory:.1f} MB", verdict(memory < 15, "under 15 MB"))
show("host, first start: peak memory", f"{first_memory:.1f} MB", verdict(first_memory < memory * 1.05, "no more"))
show("Microsoft's Python SDK: peak memory (baseline)", f"{median(theirs, 1):.1f} MB")
