// Microsoft's own service SDK, unmodified, against the local cloud and live devices: our host.
//
// Does what a back end does: keeps the registry, reads and changes twins, calls methods, asks for many devices at once,
// and meets the errors Azure gives, in the classes the SDK has for them. Started by `cloud exec --service` with an
// address of its own, because the SDK knows port 443 only. Prints a line for each thing proven.
"use strict";

const { isDeepStrictEqual } = require("node:util");
const { Client, DigitalTwinClient, IoTHubTokenCredentials, Registry } = require("azure-iothub");
const { PATIENCE, acknowledged, event, withDevice } = require("./live");
const { proven, total } = require("./proof");

const CONNECTION_STRING = process.env.IOTHUB_CONNECTION_STRING;
const THERMOSTAT = "thermostat-1";
const CONTROLLER = "controller-1";
const NEVER_THERE = "attic-1";
// Every character an id may have that means something in a URL.
const ODD = "a-1:b.c+d%2F_e#f*g?h!(i),j=k@l$m'";
const SINCE = "2020-10-14T08:00:00Z";
const REPORT = ["avgTemp", "endTime", "maxTemp", "minTemp", "startTime"];

const registry = Registry.fromConnectionString(CONNECTION_STRING);
const client = Client.fromConnectionString(CONNECTION_STRING);
const twins = new DigitalTwinClient(new IoTHubTokenCredentials(CONNECTION_STRING));

/** Proves that `attempt` fails with an error of this class, and Azure's HTTP status and name. */
async function refused(what, expected, status, name, attempt) {
  try {
    proven(`${what} is refused`, false, await attempt());
  } catch (error) {
    const { response } = error;
    const header =
      response?.headers?.["iothub-errorcode"] ?? response?.headers?.get?.("iothub-errorcode");
    const seen = [error.constructor.name, response?.statusCode ?? response?.status, header];
    const holds = isDeepStrictEqual(seen, [expected, status, name]);
    proven(`${what} is refused: ${expected}, ${status} ${name}`, holds, [seen, error.message]);
  }
}

const body = async (answer) => (await answer).responseBody;
const create = (deviceId) => body(registry.create({ deviceId }));
const isReport = (payload) => isDeepStrictEqual(Object.keys(payload).sort(), REPORT);

async function keepsTheRegistry() {
  const device = await create(THERMOSTAT);
  const keys = device.authentication.symmetricKey;
  proven("a device is created, and the hub makes its keys", keys.primaryKey && keys.secondaryKey);
  const found = await body(registry.get(THERMOSTAT));
  proven(
    "it is found with the same keys",
    isDeepStrictEqual(found.authentication.symmetricKey, keys),
  );
  const again = () => create(THERMOSTAT);
  await refused(
    "a second one of its id",
    "DeviceAlreadyExistsError",
    409,
    "DeviceAlreadyExists",
    again,
  );
  const updated = await body(registry.update({ ...device, statusReason: "installed" }));
  proven(
    "it is updated",
    updated.statusReason === "installed" && updated.etag !== device.etag,
    updated.etag,
  );
  await refused("what has no such id", "DeviceNotFoundError", 404, "DeviceNotFound", () =>
    registry.get("nobody"),
  );
  return keys.primaryKey;
}

async function keepsOddIds() {
  await create(ODD);
  const found = await body(registry.get(ODD));
  proven("an id may have every character Azure allows", found.deviceId === ODD, found.deviceId);
  const listed = (await body(registry.list())).map((device) => device.deviceId);
  proven("devices are listed", listed.includes(ODD) && listed.includes(THERMOSTAT), listed);
  await registry.delete(ODD);
  await refused("a device that was deleted", "DeviceNotFoundError", 404, "DeviceNotFound", () =>
    registry.get(ODD),
  );
}

const bulk = (more) => [0, 1, 2, 3, 4].map((number) => ({ deviceId: `bulk-${number}`, ...more }));

async function keepsManyAtOnce() {
  const added = await body(registry.addDevices(bulk({ status: "enabled" })));
  proven("devices are created in bulk", added.isSuccessful && added.errors.length === 0, added);
  const again = () => registry.addDevices(bulk());
  await refused("the same once more", "ArgumentError", 400, "BulkRegistryOperationFailure", again);
  const { errors } = JSON.parse((await again().catch((error) => error)).responseBody);
  const told = errors.filter((error) => error.errorCode === "DeviceAlreadyExists");
  proven("each one that fails is told", told.length === 5 && errors.length === 5, errors);
  const updated = await body(
    registry.updateDevices(bulk({ status: "disabled", statusReason: "for sale" }), true),
  );
  proven("they are updated in bulk", updated.isSuccessful, updated);
  const counts = await body(registry.getRegistryStatistics());
  proven("statistics count the disabled ones", counts.disabledDeviceCount === 5, counts);
  proven("and all", counts.totalDeviceCount === counts.enabledDeviceCount + 5, counts);
  const stale = () => registry.updateDevices(bulk({ etag: "stale", status: "enabled" }), false);
  await refused(
    "a bulk update with stale etags",
    "ArgumentError",
    400,
    "BulkRegistryOperationFailure",
    stale,
  );
}

async function deletesManyAtOnce() {
  const removed = await body(registry.removeDevices(bulk(), true));
  proven("devices are deleted in bulk", removed.isSuccessful, removed);
  await refused("one of them", "DeviceNotFoundError", 404, "DeviceNotFound", () =>
    registry.get("bulk-0"),
  );
}

async function readsAndChangesTheTwin() {
  const twin = await body(registry.getTwin(THERMOSTAT));
  proven(
    "the twin knows the device's model",
    twin.modelId === "dtmi:com:example:Thermostat;1",
    twin.modelId,
  );
  proven("and that it is connected", twin.connectionState === "Connected", twin.connectionState);
  const highest = twin.properties.reported.maxTempSinceLastReboot;
  proven("and what it reports", typeof highest === "number", twin.properties.reported);

  const { etag } = twin;
  await twin.update({ tags: { site: { floor: 2, room: "hall" } } });
  proven(
    "tags are set",
    isDeepStrictEqual(twin.tags, { site: { floor: 2, room: "hall" } }),
    twin.tags,
  );
  proven("and change the etag", twin.etag !== etag, twin.etag);
  await twin.update({ tags: { site: { room: null } } });
  proven(
    "an update merges, and null removes",
    isDeepStrictEqual(twin.tags, { site: { floor: 2 } }),
    twin.tags,
  );
  const stale = () => registry.updateTwin(THERMOSTAT, { tags: { site: null } }, etag);
  await refused(
    "an update of a twin with a stale etag",
    "InvalidEtagError",
    412,
    "PreconditionFailed",
    stale,
  );
  const nobody = () => registry.getTwin("nobody");
  await refused(
    "the twin of an unknown device",
    "DeviceNotFoundError",
    404,
    "DeviceNotFound",
    nobody,
  );
}

async function seesWhatIsDesiredAcknowledged() {
  const twin = await body(registry.getTwin(THERMOSTAT));
  await twin.update({
    tags: { site: { floor: 3 } },
    properties: { desired: { targetTemperature: 23.5 } },
  });
  const version = twin.properties.desired.$version;
  const seen = await acknowledged("targetTemperature", version);
  const expected = { value: 23.5, ac: 200, av: version, ad: "Successfully executed patch" };
  proven(
    "an update reaches the device, which acknowledges",
    isDeepStrictEqual(seen, expected),
    seen,
  );
  const { reported } = (await body(registry.getTwin(THERMOSTAT))).properties;
  proven("and its twin says so", isDeepStrictEqual(reported.targetTemperature, expected), reported);
}

const call = async (deviceId, methodName, more) =>
  (await client.invokeDeviceMethod(deviceId, { methodName, payload: SINCE, ...more })).result;

async function callsMethods() {
  const report = await call(THERMOSTAT, "getMaxMinReport");
  proven(
    "a method is answered by the device",
    report.status === 200 && isReport(report.payload),
    report,
  );
  const unknown = await call(THERMOSTAT, "explode");
  proven(
    "a method it does not have too: 404",
    unknown.status === 404 && "error" in unknown.payload,
    unknown,
  );
  await create(NEVER_THERE);
  // What the SDK has no class for is an Error.
  const offline = () => call(NEVER_THERE, "getMaxMinReport");
  await refused("a method of an offline device", "Error", 404, "DeviceNotOnline", offline);
  const begun = Date.now();
  const waiting = () => call(NEVER_THERE, "getMaxMinReport", { connectTimeoutInSeconds: 1 });
  await refused("when its connect time-out is over, it", "Error", 404, "DeviceNotOnline", waiting);
  const taken = Date.now() - begun;
  proven("and not before", taken >= 1000 && taken < 10000, taken);
  const nobody = () => call("nobody", "getMaxMinReport");
  await refused("a method of an unknown device", "Error", 404, "DeviceNotFound", nobody);
  const hasty = () => call(THERMOSTAT, "getMaxMinReport", { responseTimeoutInSeconds: 1 });
  await refused("a response time-out under 5 s", "ArgumentError", 400, "ArgumentInvalid", hasty);
}

async function callsADeviceThatHangs(host) {
  host.kill("SIGSTOP");
  const begun = Date.now();
  const hanging = () => call(THERMOSTAT, "getMaxMinReport", { responseTimeoutInSeconds: 5 });
  await refused(
    "a method of a device that hangs",
    "GatewayTimeoutError",
    504,
    "GatewayTimeout",
    hanging,
  );
  host.kill("SIGCONT");
  const taken = Date.now() - begun;
  proven("when its response time-out is over", taken >= 5000 && taken < 15000, taken);
}

async function operatesTheDigitalTwin() {
  const before = await twins.getDigitalTwin(THERMOSTAT);
  proven("a digital twin has the device's id", before.$dtId === THERMOSTAT, before);
  proven("and its model", before.$metadata.$model === "dtmi:com:example:Thermostat;1", before);
  proven(
    "a reported property is a plain value",
    typeof before.maxTempSinceLastReboot === "number",
    before,
  );
  proven(
    "and has its time",
    "lastUpdateTime" in before.$metadata.maxTempSinceLastReboot,
    before.$metadata,
  );

  const patch = [{ op: "add", path: "/targetTemperature", value: 25.5 }];
  await twins.updateDigitalTwin(THERMOSTAT, patch);
  const version = (await body(registry.getTwin(THERMOSTAT))).properties.desired.$version;
  await acknowledged("targetTemperature", version);
  const after = await twins.getDigitalTwin(THERMOSTAT);
  proven("a patch is applied by the device", after.targetTemperature === 25.5, after);
  const { desiredValue, desiredVersion, ackVersion, ackCode } = after.$metadata.targetTemperature;
  const seen = [desiredValue, desiredVersion, ackVersion, ackCode];
  proven(
    "whose acknowledgment is in the metadata",
    isDeepStrictEqual(seen, [25.5, version, version, 200]),
    seen,
  );

  const stale = () => twins.updateDigitalTwin(THERMOSTAT, patch, '"stale"');
  await refused("a patch with a stale etag", "RestError", 412, "PreconditionFailed", stale);
  const nobody = () => twins.getDigitalTwin("nobody");
  await refused(
    "the digital twin of an unknown device",
    "RestError",
    404,
    "DeviceNotFound",
    nobody,
  );
}

async function callsCommands() {
  const report = await twins.invokeCommand(THERMOSTAT, "getMaxMinReport", SINCE);
  proven("a command is answered with its payload alone", isReport(report.body), report);
  proven(
    "and the device's status",
    report.xMsCommandStatuscode === 200,
    report.xMsCommandStatuscode,
  );
  const unknown = await twins.invokeCommand(THERMOSTAT, "explode", {});
  proven(
    "a command it does not have is answered 404, by the device",
    unknown.xMsCommandStatuscode === 404,
    unknown,
  );
  const offline = () => twins.invokeCommand(NEVER_THERE, "getMaxMinReport", SINCE);
  await refused("a command of an offline device", "RestError", 404, "DeviceNotOnline", offline);
}

async function operatesComponents() {
  const twin = await twins.getDigitalTwin(CONTROLLER);
  proven("a component has its properties", twin.thermostat2.maxTempSinceLastReboot === 34.25, twin);
  await twins.updateDigitalTwin(CONTROLLER, [
    { op: "add", path: "/thermostat1/targetTemperature", value: 19.5 },
  ]);
  const version = (await body(registry.getTwin(CONTROLLER))).properties.desired.$version;
  await acknowledged("targetTemperature", version, "thermostat1");
  const { thermostat1 } = await twins.getDigitalTwin(CONTROLLER);
  proven("a patch of a component is applied", thermostat1.targetTemperature === 19.5, thermostat1);
  const { body: answer } = await twins.invokeComponentCommand(
    CONTROLLER,
    "thermostat1",
    "getMaxMinReport",
    SINCE,
  );
  proven(
    "a command of a component",
    isDeepStrictEqual(answer, { component: "thermostat1", target: 19.5 }),
    answer,
  );
}

/** What a query finds, page by page. */
async function pages(text, size) {
  const query = registry.createQuery(text, size);
  const found = [];
  while (query.hasMoreResults) {
    found.push((await query.nextAsTwin()).result.map((twin) => twin.deviceId));
  }
  return found;
}

async function asksForMany() {
  const where = "tags.site.floor = 3 AND properties.reported.targetTemperature.ac = 200";
  const tagged = await pages(`SELECT * FROM devices WHERE ${where}`);
  proven(
    "a query finds a twin by tags and properties",
    isDeepStrictEqual(tagged, [[THERMOSTAT]]),
    tagged,
  );
  const modelled = await pages(
    "select * from devices where modelId = 'dtmi:com:example:TemperatureController;1'",
  );
  proven("and by its model", isDeepStrictEqual(modelled, [[CONTROLLER]]), modelled);
  const paged = await pages("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'bulk-')", 2);
  proven(
    "it comes in pages",
    isDeepStrictEqual(
      paged.map((page) => page.length),
      [2, 2, 1],
    ),
    paged,
  );
  const once = (await pages("SELECT * FROM devices", 3)).flat();
  proven("each twin on one of them", once.length === 9 && new Set(once).size === 9, once);
  const counted = await registry
    .createQuery("SELECT COUNT() AS n FROM devices WHERE status = 'disabled'")
    .next();
  const type = counted.message.headers["x-ms-item-type"];
  proven("it counts", isDeepStrictEqual(counted.result, [{ n: 5 }]) && type === "Raw", [
    type,
    counted.result,
  ]);
  const nonsense = () => pages("SELECT * FROM devices WHERE");
  await refused("nonsense", "ArgumentError", 400, "ArgumentInvalid", nonsense);
}

async function knowsWhoMay() {
  const stranger = Registry.fromConnectionString(`${CONNECTION_STRING.slice(0, -8)}AAAAAAA=`);
  const strange = () => stranger.get(THERMOSTAT);
  await refused("a foreign key", "UnauthorizedError", 401, "IotHubUnauthorizedAccess", strange);
}

async function cutsOff() {
  await registry.update({ deviceId: THERMOSTAT, status: "disabled" });
  proven(
    "a device that is disabled loses its connection",
    await event(({ type }) => type === "disconnected"),
  );
  const offline = () => call(THERMOSTAT, "getMaxMinReport");
  await refused("and a method", "Error", 404, "DeviceNotOnline", offline);
}

async function operates(host) {
  for (const deviceId of [THERMOSTAT, CONTROLLER]) {
    const answer = await call(deviceId, "getMaxMinReport", { connectTimeoutInSeconds: PATIENCE });
    proven(`a method waits until ${deviceId} connects`, [200, 404].includes(answer.status), answer);
  }
  await event(({ patch }) => patch && "maxTempSinceLastReboot" in patch);
  await whole(readsAndChangesTheTwin);
  await whole(seesWhatIsDesiredAcknowledged);
  await whole(callsMethods);
  await whole(operatesTheDigitalTwin);
  await whole(callsCommands);
  await whole(operatesComponents);
  await whole(asksForMany);
  await whole(knowsWhoMay);
  await whole(callsADeviceThatHangs, host);
  await whole(cutsOff);
}

/** Takes a step; one that breaks off is a failure, and the others go on. */
async function whole(step, ...given) {
  try {
    await step(...given);
  } catch (error) {
    proven(`${step.name} comes to its end`, false, error);
  }
}

async function proofs() {
  const [thermostat, components] = process.argv.slice(2);
  const key = await keepsTheRegistry();
  await whole(keepsOddIds);
  await whole(keepsManyAtOnce);
  const controllers = (await create(CONTROLLER)).authentication.symmetricKey.primaryKey;
  await withDevice(CONTROLLER, controllers, components, () =>
    withDevice(THERMOSTAT, key, thermostat, operates),
  );
  await whole(deletesManyAtOnce);
}

whole(proofs).then(total);
