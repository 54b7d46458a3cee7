/** Dialog that is open on the device list. */
export type OpenDialog = { kind: "enroll" } | { kind: "connection" | "delete"; device: string };
