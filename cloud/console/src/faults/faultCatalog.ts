/** Setting of a fault. */
export type FaultSetting =
  | { name: string; title: string; kind: "number" | "text" | "time"; initial?: string }
  | { name: string; title: string; kind: "check" }
  | { name: string; title: string; kind: "choice"; choices: string[] };

/** Fault that lasts until it is cleared. */
export interface FaultDefinition {
  readonly name: string;
  readonly description: string;
  /**
   * True if the fault can be limited to one device: faults that apply before the device is
   * identified cannot.
   */
  readonly perDevice: boolean;
  readonly settings: FaultSetting[];
}

/** Fault that happens once. */
export type OneShotDefinition = Pick<FaultDefinition, "name" | "description">;

/** Group of faults. */
export interface FaultGroup {
  readonly title: string;
  readonly faults: FaultDefinition[];
}

function fault(
  name: string,
  description: string,
  settings: FaultSetting[] = [],
  perDevice = true,
): FaultDefinition {
  return { name, description, perDevice, settings };
}

/** Lasting faults, as documented in docs/faults.md. */
export const FAULT_GROUPS: FaultGroup[] = [
  {
    title: "Network",
    faults: [
      fault("black-hole", "Drop all traffic in both directions, including RST and FIN", [
        { name: "dropConnections", title: "Open connections never recover", kind: "check" },
      ]),
      fault("refuse", "Refuse TCP connections", [], false),
      fault("slow", "Add latency or limit the bandwidth, in both directions", [
        { name: "latency", title: "Latency", kind: "time", initial: "200ms" },
        { name: "bytesPerSecond", title: "Bytes per second", kind: "number" },
      ]),
      fault("tls-stall", "Accept TCP connections, never answer the TLS handshake", [], false),
      fault(
        "wrong-certificate",
        "Present an invalid certificate on new connections",
        [
          {
            name: "flaw",
            title: "Defect",
            kind: "choice",
            choices: ["name-mismatch", "unknown-ca", "self-signed"],
          },
        ],
        false,
      ),
    ],
  },
  {
    title: "Hub",
    faults: [
      fault("connack", "Refuse CONNECT with a return code", [
        { name: "code", title: "Return code (1–5)", kind: "number", initial: "5" },
        { name: "dps", title: "DPS only", kind: "check" },
      ]),
      fault("silent", "Accept CONNECT, never answer anything"),
      fault("withhold-acks", "Accept messages and reported properties, never acknowledge them"),
      fault("delay-acks", "Delay each PUBACK", [
        { name: "delay", title: "Delay", kind: "time", initial: "2s" },
      ]),
      fault("reorder-acks", "Swap the order of each two PUBACKs"),
      fault("duplicate-acks", "Send each PUBACK twice"),
      fault("refuse-subscription", "Refuse subscriptions with SUBACK 0x80", [
        { name: "filter", title: "Topic filters containing", kind: "text" },
      ]),
      fault("duplicate-c2d", "Deliver each cloud-to-device message twice"),
      fault("early-method", "Delay each SUBACK until a direct method was called"),
    ],
  },
  {
    title: "Twin",
    faults: [
      fault("throttle-twin", "Answer twin requests and reported patches with 429, without effect"),
      fault("withhold-twin", "Carry out twin requests and reported patches, lose the answers"),
      fault("oversize-twin", "Pad the twin beyond Azure's size limit", [
        { name: "bytes", title: "Padding (bytes)", kind: "number" },
      ]),
      fault(
        "twin-race",
        "Answer a twin GET after the next desired change, with the state before it",
      ),
      fault("drop-desired", "Drop pushes of desired properties; the next push skips a version"),
    ],
  },
  {
    title: "DPS",
    faults: [
      fault("throttle-dps", "Answer registrations with 429", [
        { name: "retryAfter", title: "Retry-after (s)", kind: "number", initial: "3" },
      ]),
      fault("keep-assigning", "Answer registrations with 202 (assigning) forever"),
      fault("reassign", "Assign devices to another hub", [
        { name: "hub", title: "Hub (NAME:PORT)", kind: "text" },
      ]),
    ],
  },
];

/** One-shot faults. */
export const ONE_SHOT_FAULTS: OneShotDefinition[] = [
  { name: "reset", description: "Reset connections (TCP RST)" },
  { name: "close", description: "Close connections to the hub cleanly" },
  {
    name: "mid-packet",
    description: "Close connections in the middle of the next packet to the device",
  },
  { name: "expire-token", description: "Close connections to the hub as on token expiry" },
  {
    name: "take-over",
    description: "Close connections to the hub as if a duplicate client had connected (400027)",
  },
  {
    name: "forget-sessions",
    description: "Discard MQTT sessions; the next CONNACK has no session present",
  },
  {
    name: "restart-empty",
    description: "Restart the hub with its registry only: new twins, no messages, no sessions",
  },
  {
    name: "stale-desired",
    description: "Push an earlier desired patch again, with its old $version",
  },
];
