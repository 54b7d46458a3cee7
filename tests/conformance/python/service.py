"""Microsoft's own service SDK, unmodified, against the local cloud and live devices: our host.

Does what a back end does: keeps the registry, reads and changes twins, calls methods, asks for many devices at once, and
meets the errors Azure gives. Started by `cloud exec --service`. Prints a line for each thing proven.
"""

import os
import signal
import sys
import time

from azure.iot.hub import DigitalTwinClient, IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, ExportImportDevice, QuerySpecification, Twin, TwinProperties
from live import PATIENCE, Device, acknowledged, event
from msrest.exceptions import HttpOperationError
from proof import proven, total

CONNECTION_STRING = os.environ["IOTHUB_CONNECTION_STRING"]
THERMOSTAT = "thermostat-1"
CONTROLLER = "controller-1"
NEVER_THERE = "attic-1"
# Every character an id may have that means something in a URL.
ODD = "a-1:b.c+d%2F_e#f*g?h!(i),j=k@l$m'"
SINCE = "2020-10-14T08:00:00Z"
REPORT = {"maxTemp", "minTemp", "avgTemp", "startTime", "endTime"}

registry = IoTHubRegistryManager.from_connection_string(CONNECTION_STRING)
twins = DigitalTwinClient.from_connection_string(CONNECTION_STRING)


def refused(what, status, name, attempt):
    """Proves that `attempt` fails with this HTTP status and the header Azure's error has."""
    try:
        proven(f"{what} is refused", False, attempt())
    except HttpOperationError as error:
        seen = error.response.status_code, error.response.headers.get("iothub-errorcode")
        proven(f"{what} is refused: {status} {name}", seen == (status, name), (seen, error.response.text))


def create(device_id):
    return registry.create_device_with_sas(device_id, "", "", "enabled")


def keeps_the_registry():
    device = create(THERMOSTAT)
    keys = device.authentication.symmetric_key
    proven("a device is created, and the hub makes its keys", keys.primary_key and keys.secondary_key)
    found = registry.get_device(THERMOSTAT).authentication.symmetric_key
    proven("it is found with the same keys", found == keys)
    refused("a second one of its id", 409, "DeviceAlreadyExists", lambda: create(THERMOSTAT))

    def update(etag, reason):
        return registry.update_device_with_sas(
            THERMOSTAT, etag, keys.primary_key, keys.secondary_key, "enabled", status_reason=reason
        )

    updated = update(device.etag, "installed")
    proven("it is updated", updated.status_reason == "installed" and updated.etag != device.etag, updated.etag)
    refused("an update with a stale etag", 412, "PreconditionFailed", lambda: update(device.etag, "again"))
    refused("what has no such id", 404, "DeviceNotFound", lambda: registry.get_device("nobody"))
    return keys.primary_key


def keeps_odd_ids():
    create(ODD)
    proven("an id may have every character Azure allows", registry.get_device(ODD).device_id == ODD)
    listed = [device.device_id for device in registry.get_devices(1000)]
    proven("devices are listed", ODD in listed and THERMOSTAT in listed, listed)
    proven("as many as are asked for", len(registry.get_devices(1)) == 1)
    registry.delete_device(ODD)
    refused("a device that was deleted", 404, "DeviceNotFound", lambda: registry.get_device(ODD))


def in_bulk(mode, **more):
    devices = [ExportImportDevice(id=f"bulk-{n}", import_mode=mode, **more) for n in range(5)]
    return registry.bulk_create_or_update_devices(devices)


def keeps_many_at_once():
    result = in_bulk("create", status="enabled")
    proven("devices are created in bulk", result.is_successful and not result.errors, result)
    result = in_bulk("create", status="enabled")
    codes = {error.error_code for error in result.errors}
    proven("each one that fails is told", len(result.errors) == 5 and codes == {"DeviceAlreadyExists"}, result)
    result = in_bulk("update", status="disabled", status_reason="for sale")
    proven("they are updated in bulk", result.is_successful, result)
    counts = registry.get_device_registry_statistics()
    proven("statistics count the disabled ones", counts.disabled_device_count == 5, counts)
    proven("and all", counts.total_device_count == counts.enabled_device_count + 5, counts)
    result = in_bulk("updateIfMatchETag", e_tag="stale", status="enabled")
    proven("but not with a stale etag", not result.is_successful and len(result.errors) == 5, result)


def deletes_many_at_once():
    result = in_bulk("delete")
    proven("devices are deleted in bulk", result.is_successful, result)
    refused("one of them", 404, "DeviceNotFound", lambda: registry.get_device("bulk-0"))


def reads_and_changes_the_twin():
    twin = registry.get_twin(THERMOSTAT)
    model = twin.additional_properties.get("modelId")
    proven("the twin knows the device's model", model == "dtmi:com:example:Thermostat;1", model)
    proven("and that it is connected", twin.connection_state == "Connected", twin.connection_state)
    highest = twin.properties.reported.get("maxTempSinceLastReboot")
    proven("and what it reports", isinstance(highest, float), twin.properties.reported)

    tagged = registry.update_twin(THERMOSTAT, Twin(tags={"site": {"floor": 2, "room": "hall"}}), twin.etag)
    proven("tags are set", tagged.tags == {"site": {"floor": 2, "room": "hall"}}, tagged.tags)
    proven("and change the etag", tagged.etag != twin.etag, tagged.etag)
    merged = registry.update_twin(THERMOSTAT, Twin(tags={"site": {"room": None}}))
    proven("an update merges, and null removes", merged.tags == {"site": {"floor": 2}}, merged.tags)
    stale = lambda: registry.update_twin(THERMOSTAT, Twin(tags={"site": None}), twin.etag)
    refused("an update of a twin with a stale etag", 412, "PreconditionFailed", stale)
    refused("the twin of an unknown device", 404, "DeviceNotFound", lambda: registry.get_twin("nobody"))


def desired(**properties):
    return TwinProperties(desired=properties)


def sees_what_is_desired_acknowledged():
    for change, target in ((registry.update_twin, 23.5), (registry.replace_twin, 24.5)):
        twin = change(THERMOSTAT, Twin(tags={"site": {"floor": 3}}, properties=desired(targetTemperature=target)))
        version = twin.properties.desired["$version"]
        acknowledgment = acknowledged("targetTemperature", version)
        reported = registry.get_twin(THERMOSTAT).properties.reported.get("targetTemperature")
        expected = {"value": target, "ac": 200, "av": version, "ad": "Successfully executed patch"}
        proven(f"{change.__name__} reaches the device, which acknowledges", acknowledgment == expected, acknowledgment)
        proven("and its twin says so", reported == expected, reported)
    proven("what is replaced is replaced whole", twin.tags == {"site": {"floor": 3}}, twin.tags)


def call(device_id, method, **more):
    request = CloudToDeviceMethod(method_name=method, payload=SINCE, **more)
    return registry.invoke_device_method(device_id, request)


def calls_methods():
    result = call(THERMOSTAT, "getMaxMinReport")
    proven("a method is answered by the device", result.status == 200 and set(result.payload) == REPORT, result)
    result = call(THERMOSTAT, "explode")
    proven("a method it does not have too: 404", result.status == 404 and "error" in result.payload, result)
    create(NEVER_THERE)
    refused("a method of an offline device", 404, "DeviceNotOnline", lambda: call(NEVER_THERE, "getMaxMinReport"))
    begun = time.monotonic()
    waiting = lambda: call(NEVER_THERE, "getMaxMinReport", connect_timeout_in_seconds=1)
    refused("when its connect time-out is over, it", 404, "DeviceNotOnline", waiting)
    proven("and not before", 1 <= time.monotonic() - begun < 10, time.monotonic() - begun)
    refused("a method of an unknown device", 404, "DeviceNotFound", lambda: call("nobody", "getMaxMinReport"))
    hasty = lambda: call(THERMOSTAT, "getMaxMinReport", response_timeout_in_seconds=1)
    refused("a response time-out under 5 s", 400, "ArgumentInvalid", hasty)


def calls_a_device_that_hangs(process):
    process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    hanging = lambda: call(THERMOSTAT, "getMaxMinReport", response_timeout_in_seconds=5)
    refused("a method of a device that hangs", 504, "GatewayTimeout", hanging)
    process.send_signal(signal.SIGCONT)
    proven("when its response time-out is over", 5 <= time.monotonic() - begun < 15, time.monotonic() - begun)


def operates_the_digital_twin():
    twin = twins.get_digital_twin(THERMOSTAT)
    metadata = twin["$metadata"]
    proven("a digital twin has the device's id", twin["$dtId"] == THERMOSTAT, twin)
    proven("and its model", metadata["$model"] == "dtmi:com:example:Thermostat;1", metadata)
    proven("a reported property is a plain value", isinstance(twin["maxTempSinceLastReboot"], float), twin)
    proven("and has its time", "lastUpdateTime" in metadata["maxTempSinceLastReboot"], metadata)

    patch = [{"op": "add", "path": "/targetTemperature", "value": 25.5}]
    answer = twins.protocol.digital_twin.update_digital_twin(THERMOSTAT, patch, raw=True)
    proven("a patch is accepted", answer.response.status_code == 202, answer.response)
    version = registry.get_twin(THERMOSTAT).properties.desired["$version"]
    acknowledged("targetTemperature", version)
    twin = twins.get_digital_twin(THERMOSTAT)
    metadata = twin["$metadata"]["targetTemperature"]
    proven("and applied by the device", twin["targetTemperature"] == 25.5, twin)
    seen = {name: metadata.get(name) for name in ("desiredValue", "desiredVersion", "ackVersion", "ackCode")}
    expected = {"desiredValue": 25.5, "desiredVersion": version, "ackVersion": version, "ackCode": 200}
    proven("whose acknowledgment is in the metadata", seen == expected, metadata)

    stale = lambda: twins.update_digital_twin(THERMOSTAT, patch, '"stale"')
    refused("a patch with a stale etag", 412, "PreconditionFailed", stale)
    refused("the digital twin of an unknown device", 404, "DeviceNotFound", lambda: twins.get_digital_twin("nobody"))


def calls_commands():
    report = twins.invoke_command(THERMOSTAT, "getMaxMinReport", SINCE)
    proven("a command is answered with its payload alone", set(report) == REPORT, report)
    answer = twins.protocol.digital_twin.invoke_root_level_command(THERMOSTAT, "explode", SINCE, raw=True)
    status = answer.headers.get("x-ms-command-statuscode")
    proven("a command it does not have is answered 404, by the device", str(status) == "404", answer.headers)
    offline = lambda: twins.invoke_command(NEVER_THERE, "getMaxMinReport", SINCE)
    refused("a command of an offline device", 404, "DeviceNotOnline", offline)


def operates_components():
    twin = twins.get_digital_twin(CONTROLLER)
    proven("a component has its properties", twin["thermostat2"]["maxTempSinceLastReboot"] == 34.25, twin)
    twins.update_digital_twin(CONTROLLER, [{"op": "add", "path": "/thermostat1/targetTemperature", "value": 19.5}])
    version = registry.get_twin(CONTROLLER).properties.desired["$version"]
    acknowledged("targetTemperature", version, component="thermostat1")
    component = twins.get_digital_twin(CONTROLLER)["thermostat1"]
    proven("a patch of a component is applied", component["targetTemperature"] == 19.5, component)
    answer = twins.invoke_component_command(CONTROLLER, "thermostat1", "getMaxMinReport", SINCE)
    proven("a command of a component", answer == {"component": "thermostat1", "target": 19.5}, answer)


def query(text, **more):
    return registry.query_iot_hub(QuerySpecification(query=text), **more)


def pages(text, size):
    """What a query finds, page by page."""
    token = None
    while True:
        page = query(text, continuation_token=token, max_item_count=size)
        yield [twin.device_id for twin in page.items]
        token = page.continuation_token
        if token is None:
            return


def asks_for_many():
    found = query("SELECT * FROM devices WHERE tags.site.floor = 3 AND properties.reported.targetTemperature.ac = 200")
    ids = [twin.device_id for twin in found.items]
    proven("a query finds a twin by tags and properties", ids == [THERMOSTAT] and found.type == "Twin", ids)
    found = query("select * from devices where modelId = 'dtmi:com:example:TemperatureController;1'")
    ids = [twin.device_id for twin in found.items]
    proven("and by its model", ids == [CONTROLLER], ids)
    sizes = [len(page) for page in pages("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'bulk-')", 2)]
    proven("it comes in pages", sizes == [2, 2, 1], sizes)
    once = [name for page in pages("SELECT * FROM devices", 3) for name in page]
    proven("each twin on one of them", len(once) == len(set(once)) == 9, once)
    counted = query("SELECT COUNT() AS n FROM devices WHERE status = 'disabled'")
    rows = [row.additional_properties for row in counted.items]
    proven("it counts", rows == [{"n": 5}] and counted.type == "Raw", (counted.type, rows))
    refused("nonsense", 400, "ArgumentInvalid", lambda: query("SELECT * FROM devices WHERE"))
    connected = registry.get_service_statistics().connected_device_count
    proven("statistics count the connected ones", connected == 2, connected)


def knows_who_may():
    foreign = CONNECTION_STRING[:-8] + "AAAAAAA="
    stranger = IoTHubRegistryManager.from_connection_string(foreign)
    refused("a foreign key", 401, "IotHubUnauthorizedAccess", lambda: stranger.get_device(THERMOSTAT))


def cuts_off(key):
    registry.update_device_with_sas(THERMOSTAT, "*", key, key, "disabled")
    proven("a device that is disabled loses its connection", event(lambda e: e["type"] == "disconnected"))
    refused("and a method", 404, "DeviceNotOnline", lambda: call(THERMOSTAT, "getMaxMinReport"))


def operates(key, process):
    for device_id in (THERMOSTAT, CONTROLLER):
        result = call(device_id, "getMaxMinReport", connect_timeout_in_seconds=PATIENCE)
        proven(f"a method waits until {device_id} connects", result.status in (200, 404), result)
    event(lambda e: "maxTempSinceLastReboot" in e.get("patch", {}))
    whole(reads_and_changes_the_twin)
    whole(sees_what_is_desired_acknowledged)
    whole(calls_methods)
    whole(operates_the_digital_twin)
    whole(calls_commands)
    whole(operates_components)
    whole(asks_for_many)
    whole(knows_who_may)
    whole(calls_a_device_that_hangs, process)
    whole(cuts_off, key)


def whole(step, *arguments):
    """Takes a step; one that breaks off is a failure, and the others go on."""
    try:
        return step(*arguments)
    except HttpOperationError as error:
        proven(f"{step.__name__} comes to its end", False, (error, error.response.text))
    except Exception as error:
        proven(f"{step.__name__} comes to its end", False, error)


def proofs():
    thermostat, components = sys.argv[1:3]
    key = keeps_the_registry()
    whole(keeps_odd_ids)
    whole(keeps_many_at_once)
    controllers = create(CONTROLLER).authentication.symmetric_key.primary_key
    with Device(THERMOSTAT, key, thermostat) as process, Device(CONTROLLER, controllers, components):
        operates(key, process)
    whole(deletes_many_at_once)


whole(proofs)
sys.exit(total())
