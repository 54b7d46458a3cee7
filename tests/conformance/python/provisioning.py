"""Microsoft's own service SDK of DPS, unmodified, against the local cloud and live devices: our host.

Keeps enrollments and enrollment groups, asks for them, and sees what has registered, with the errors Azure gives in the
classes the SDK has for them. Started by `cloud exec --service`. Prints a line for each thing proven.
"""

import base64
import hashlib
import hmac
import os
import subprocess
import sys

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from live import Device, enrolled, event
from proof import proven, total

ALONE = "boiler-1"
GROUP = "boilers"
MEMBER = "boiler-2"
COMPONENT = sys.argv[1]
SYMMETRIC_KEY = {"type": "symmetricKey", "symmetricKey": {}}


def connection_string():
    command = [os.environ["CLOUD"], "connection-string", "--policy", "provisioningserviceowner"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


dps = DeviceProvisioningClient.from_connection_string(connection_string())


def refused(what, expected, status, attempt):
    """Proves that `attempt` fails with an error of this class and HTTP status."""
    try:
        proven(f"{what} is refused", False, attempt())
    except HttpResponseError as error:
        seen = type(error), error.status_code
        proven(f"{what} is refused: {expected.__name__}, {status}", seen == (expected, status), (seen, error.message))


def keeps(kind, operations, id_name, id):
    """Creates, changes and finds an enrollment or a group; its attestation, with the keys made for it."""
    wanted = {id_name: id, "attestation": SYMMETRIC_KEY, "provisioningStatus": "enabled"}
    created = operations.create_or_update(id, wanted)
    keys = created["attestation"]["symmetricKey"]
    proven(f"{kind} is created, and DPS makes its keys", keys["primaryKey"] and keys["secondaryKey"])
    refused("a second one of its id", ResourceExistsError, 409, lambda: operations.create_or_update(id, wanted))

    changed = {**created, "initialTwin": {"tags": {"site": "cellar"}, "properties": {"desired": {"hot": True}}}}
    updated = operations.create_or_update(id, changed, if_match=created["etag"])
    proven("with its etag it is changed", updated["initialTwin"]["tags"] == {"site": "cellar"}, updated)
    proven("and has another one", updated["etag"] != created["etag"], updated["etag"])
    proven("and its keys", updated["attestation"]["symmetricKey"] == keys)
    stale = lambda: operations.create_or_update(id, changed, if_match=created["etag"])
    refused("a change with a stale etag", HttpResponseError, 412, stale)
    proven("a change with * is taken", operations.create_or_update(id, changed, if_match="*")["etag"] != updated["etag"])
    proven("it is found", operations.get(id)[id_name] == id)
    mechanism = operations.get_attestation_mechanism(id)
    proven("and its attestation mechanism", mechanism["symmetricKey"] == keys, mechanism["type"])
    refused("what has no such id", ResourceNotFoundError, 404, lambda: operations.get("nobody"))
    return keys["primaryKey"]


def asks_for(operations, id_name, id):
    for text in ("*", "SELECT * FROM enrollments", ""):
        found = [each[id_name] for each in operations.query({"query": text})]
        proven(f"the query {text!r} finds it", id in found, found)


def registers(key):
    """A device of its own, spelled otherwise; its registration."""
    with Device(ALONE.upper(), key, COMPONENT, enrolled):
        proven("it registers, and connects", event(lambda e: e["type"] == "connected" and e["device"] == ALONE))
    state = dps.device_registration_state.get(ALONE)
    proven("its registration is assigned", state["status"] == "assigned" and state["deviceId"] == ALONE, state)


def registers_in_the_group(key):
    digest = hmac.new(base64.b64decode(key), MEMBER.encode(), hashlib.sha256).digest()
    with Device(MEMBER, base64.b64encode(digest).decode(), COMPONENT, enrolled):
        proven("a member registers too", event(lambda e: e["type"] == "connected" and e["device"] == MEMBER))
    found = dps.device_registration_state.query(GROUP)
    ids = [(state["registrationId"], state["status"]) for state in found]
    proven("the group has its registration", ids == [(MEMBER, "assigned")], ids)


def deletes():
    dps.device_registration_state.delete(MEMBER)
    gone = lambda: dps.device_registration_state.get(MEMBER)
    refused("a registration that was deleted", ResourceNotFoundError, 404, gone)
    for operations, id in ((dps.enrollment, ALONE), (dps.enrollment_group, GROUP)):
        etag = operations.get(id)["etag"]
        refused("deleting with a stale etag", HttpResponseError, 412, lambda: operations.delete(id, if_match='"stale"'))
        operations.delete(id, if_match=etag)
        refused("what was deleted", ResourceNotFoundError, 404, lambda: operations.get(id))


def proofs():
    key = keeps("an enrollment", dps.enrollment, "registrationId", ALONE)
    asks_for(dps.enrollment, "registrationId", ALONE)
    group_key = keeps("an enrollment group", dps.enrollment_group, "enrollmentGroupId", GROUP)
    asks_for(dps.enrollment_group, "enrollmentGroupId", GROUP)
    registers(key)
    registers_in_the_group(group_key)
    deletes()


try:
    proofs()
except Exception as error:
    proven("every step comes to its end", False, error)
sys.exit(total())
