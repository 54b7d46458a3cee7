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

function fault(name: string, description: string, settings: FaultSetting[] = [], perDevice = true): FaultDefinition {
  return { name, description, perDevice, settings };
}

/** Lasting faults, as documented in docs/faults.md. */
export const FAULT_GROUPS: FaultGroup[] = [
  {
    title: "Network",
    faults: [
      fault("black-hole", "Nothing passes in either direction, not even the end of a connection.", [
        { name: "dropConnections", title: "Connections that stood stay dead", kind: "check" },
      ]),
      fault("refuse", "Nothing listens: connections are refused.", [], false),
      fault("slow", "Everything takes its time, in both directions.", [
        { name: "latency", title: "Latency", kind: "time", initial: "200ms" },
        { name: "bytesPerSecond", title: "Bytes a second", kind: "number" },
      ]),
      fault("tls-stall", "TCP connects, but the TLS handshake is never answered.", [], false),
      fault("wrong-certificate", "New connections are shown a certificate that must not be accepted.", [
        { name: "flaw", title: "What is wrong", kind: "choice", choices: ["name-mismatch", "unknown-ca", "self-signed"] },
      ], false),
    ],
  },
  {
    title: "Hub",
    faults: [
      fault("connack", "CONNECT is refused.", [
        { name: "code", title: "Return code, 1 to 5", kind: "number", initial: "5" },
        { name: "dps", title: "By the provisioning service alone", kind: "check" },
      ]),
      fault("silent", "CONNECT is taken, but nothing is ever answered."),
      fault("withhold-acks", "What devices send is taken, but neither PUBACK nor answer comes."),
      fault("delay-acks", "Each PUBACK comes late.", [{ name: "delay", title: "How late", kind: "time", initial: "2s" }]),
      fault("reorder-acks", "Of two PUBACKs the second comes first."),
      fault("duplicate-acks", "Each PUBACK comes twice."),
      fault("refuse-subscription", "Subscriptions are refused.", [
        { name: "filter", title: "Only topics with this text", kind: "text" },
      ]),
      fault("duplicate-c2d", "Each message to a device is delivered twice."),
      fault("early-method", "A command comes before its subscription is answered."),
    ],
  },
  {
    title: "Twin",
    faults: [
      fault("throttle-twin", "Requests for the twin and reports are answered with 429."),
      fault("withhold-twin", "They are carried out, but the answers are lost."),
      fault("oversize-twin", "The twin is larger than any of Azure's.", [{ name: "bytes", title: "Larger by, in bytes", kind: "number" }]),
      fault("twin-race", "The answer to a request for the twin comes after the next change, and without it."),
      fault("drop-desired", "Changes of desired properties are not pushed."),
    ],
  },
  {
    title: "Provisioning",
    faults: [
      fault("throttle-dps", "The provisioning service answers with 429.", [
        { name: "retryAfter", title: "Seconds it asks for", kind: "number", initial: "3" },
      ]),
      fault("keep-assigning", "It answers 202, assigning, for ever."),
      fault("reassign", "It assigns another hub.", [{ name: "hub", title: "Its name, with its port", kind: "text" }]),
    ],
  },
];

/** One-shot faults. */
export const ONE_SHOT_FAULTS: OneShotDefinition[] = [
  { name: "reset", description: "Ends connections with a TCP reset." },
  { name: "close", description: "Closes connections to the hub in good order." },
  { name: "mid-packet", description: "Closes in the middle of the next packet." },
  { name: "expire-token", description: "Closes as at the end of the token." },
  { name: "take-over", description: "Closes as if a second client had the same id." },
  { name: "forget-sessions", description: "Forgets sessions: subscriptions are gone." },
  { name: "restart-empty", description: "Begins again with new twins, messages gone." },
  { name: "stale-desired", description: "Pushes an earlier desired change again." },
];
