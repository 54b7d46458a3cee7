// Microsoft's own service SDK of DPS, unmodified, against the local cloud and live devices: our host.
//
// Keeps enrollments and enrollment groups, asks for them, and sees what has registered. Started by `cloud exec --service`
// with an address of its own, because the SDK knows port 443 only. Prints a line for each thing proven.
"use strict";

const { execFileSync } = require("node:child_process");
const { createHmac } = require("node:crypto");
const { isDeepStrictEqual } = require("node:util");
const { ProvisioningServiceClient } = require("azure-iot-provisioning-service");
const { enrolled, event, withDevice } = require("./live");
const { proven, total } = require("./proof");

const ALONE = "boiler-1";
const GROUP = "boilers";
const MEMBER = "boiler-2";
const SYMMETRIC_KEY = { type: "symmetricKey", symmetricKey: {} };
const [COMPONENT] = process.argv.slice(2);

const command = ["connection-string", "--policy", "provisioningserviceowner"];
const connectionString = execFileSync(process.env.CLOUD, command, { encoding: "utf8" }).trim();
const dps = ProvisioningServiceClient.fromConnectionString(connectionString);

const body = async (answer) => (await answer).responseBody;

const ENROLLMENTS = {
  what: "an enrollment",
  id: ALONE,
  named: "registrationId",
  put: (enrollment) => body(dps.createOrUpdateIndividualEnrollment(enrollment)),
  get: (id) => body(dps.getIndividualEnrollment(id)),
  mechanism: (id) => body(dps.getIndividualEnrollmentAttestationMechanism(id)),
  query: (text) => dps.createIndividualEnrollmentQuery({ query: text }, 10),
  delete: (id, etag) => dps.deleteIndividualEnrollment(id, etag),
};
const GROUPS = {
  what: "an enrollment group",
  id: GROUP,
  named: "enrollmentGroupId",
  put: (group) => body(dps.createOrUpdateEnrollmentGroup(group)),
  get: (id) => body(dps.getEnrollmentGroup(id)),
  mechanism: (id) => body(dps.getEnrollmentGroupAttestationMechanism(id)),
  query: (text) => dps.createEnrollmentGroupQuery({ query: text }, 10),
  delete: (id, etag) => dps.deleteEnrollmentGroup(id, etag),
};

/** Proves that `attempt` fails with an error of this class and HTTP status. */
async function refused(what, expected, status, attempt) {
  try {
    proven(`${what} is refused`, false, await attempt());
  } catch (error) {
    const seen = [error.constructor.name, error.response?.statusCode];
    const holds = isDeepStrictEqual(seen, [expected, status]);
    proven(`${what} is refused: ${expected}, ${status}`, holds, [seen, error.message]);
  }
}

/** Creates, changes and finds an enrollment or a group; returns its primary key, which DPS made. */
async function keeps({ what, id, named, put, get, mechanism }) {
  const wanted = { [named]: id, attestation: SYMMETRIC_KEY, provisioningStatus: "enabled" };
  const created = await put(wanted);
  const keys = created.attestation.symmetricKey;
  proven(`${what} is created, and DPS makes its keys`, keys.primaryKey && keys.secondaryKey);
  await refused("a second one of its id", "DeviceAlreadyExistsError", 409, () => put(wanted));
  const initialTwin = { tags: { site: "cellar" }, properties: { desired: { hot: true } } };
  const updated = await put({ ...created, initialTwin });
  proven("with its etag it is changed", updated.initialTwin.tags.site === "cellar", updated);
  proven("and has another one", updated.etag !== created.etag, updated.etag);
  await refused("a change with a stale etag", "InvalidEtagError", 412, () => put(created));
  const found = await get(id);
  proven("it is found with its keys", isDeepStrictEqual(found.attestation.symmetricKey, keys));
  const { symmetricKey } = await mechanism(id);
  proven("and its attestation mechanism", isDeepStrictEqual(symmetricKey, keys));
  return keys.primaryKey;
}

async function asksFor({ id, named, query }) {
  for (const text of ["*", "SELECT * FROM enrollments"]) {
    const found = (await body(query(text).next())).map((each) => each[named]);
    proven(`the query ${text} finds it`, found.includes(id), found);
  }
}

/** A device of its own, spelled otherwise; its registration. */
async function registers(key) {
  const connects = async () => {
    const seen = await event((e) => e.type === "connected" && e.device === ALONE);
    proven("it registers, and connects", seen);
  };
  await withDevice(ALONE.toUpperCase(), key, COMPONENT, connects, enrolled);
  const state = await body(dps.getDeviceRegistrationState(ALONE));
  const holds = state.status === "assigned" && state.deviceId === ALONE;
  proven("its registration is assigned", holds, state);
}

async function registersInTheGroup(groupKey) {
  const key = createHmac("sha256", Buffer.from(groupKey, "base64")).update(MEMBER).digest("base64");
  const connects = async () => {
    const seen = await event((e) => e.type === "connected" && e.device === MEMBER);
    proven("a member registers too", seen);
  };
  await withDevice(MEMBER, key, COMPONENT, connects, enrolled);
  const query = dps.createEnrollmentGroupDeviceRegistrationStateQuery({ query: "*" }, GROUP);
  const ids = (await body(query.next())).map((state) => [state.registrationId, state.status]);
  const holds = isDeepStrictEqual(ids, [[MEMBER, "assigned"]]);
  proven("the group has its registration", holds, ids);
}

async function deletes() {
  // The SDK has no class for 404.
  await dps.deleteDeviceRegistrationState(MEMBER);
  const gone = () => dps.getDeviceRegistrationState(MEMBER);
  await refused("a registration that was deleted", "Error", 404, gone);
  for (const kind of [ENROLLMENTS, GROUPS]) {
    const { etag } = await kind.get(kind.id);
    const stale = () => kind.delete(kind.id, "stale");
    await refused("deleting with a stale etag", "InvalidEtagError", 412, stale);
    await kind.delete(kind.id, etag);
    await refused("what was deleted", "Error", 404, () => kind.get(kind.id));
  }
}

async function proofs() {
  const key = await keeps(ENROLLMENTS);
  await asksFor(ENROLLMENTS);
  const groupKey = await keeps(GROUPS);
  await asksFor(GROUPS);
  await registers(key);
  await registersInTheGroup(groupKey);
  await deletes();
}

proofs()
  .catch((error) => proven("every step comes to its end", false, error))
  .then(total);
