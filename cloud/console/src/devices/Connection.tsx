import { useState } from "preact/hooks";
import { about, type About, keys } from "../cloud/devices.ts";
import { Copy } from "../part/Copy.tsx";
import { Dialog } from "../part/Dialog.tsx";
import { Skeleton, Trouble } from "../part/State.tsx";
import { useAsked } from "../part/use.ts";

/** What a device's program needs to connect. */
export function Connection({ device, onClose }: { device: string; onClose: () => void }) {
  const asked = useAsked(() => Promise.all([about(), keys(device)]), [device]);
  return (
    <Dialog title={`Connect ${device}`} onClose={onClose}>
      {asked.trouble && <Trouble>{asked.trouble}</Trouble>}
      {!asked.value && !asked.trouble && <Skeleton lines={5} />}
      {asked.value && <Details device={device} cloud={asked.value[0]} secret={asked.value[1].primaryKey} />}
    </Dialog>
  );
}

function Details({ device, cloud, secret }: { device: string; cloud: About; secret: string }) {
  const [revealed, setRevealed] = useState(false);
  const shownKey = revealed ? secret : "•".repeat(12);
  return (
    <>
      <p class="faint">These hold the device's key: whoever has it can connect as this device.</p>
      <Text label="environment lines" title="For this host, and for Microsoft's samples"
        shown={environment(device, cloud, shownKey)} text={environment(device, cloud, secret)} />
      <Text label="connection string" title="Connection string"
        shown={connectionString(device, cloud, shownKey)} text={connectionString(device, cloud, secret)} />
      <label class="check">
        <input type="checkbox" checked={revealed} onChange={() => setRevealed(!revealed)} /> Show the key
      </label>
    </>
  );
}

function Text({ title, label, shown, text }: { title: string; label: string; shown: string; text: string }) {
  return (
    <section class="text">
      <header>
        <h3>{title}</h3>
        <Copy text={text} label={label} />
      </header>
      <pre tabIndex={0}>{shown}</pre>
    </section>
  );
}

/** The names of Microsoft's samples, as a shell reads them. */
function environment(device: string, cloud: About, key: string): string {
  const variables = {
    IOTHUB_DEVICE_SECURITY_TYPE: "DPS",
    IOTHUB_DEVICE_DPS_ENDPOINT: cloud.dpsName,
    IOTHUB_DEVICE_DPS_ID_SCOPE: cloud.idScope,
    IOTHUB_DEVICE_DPS_DEVICE_ID: device,
    IOTHUB_DEVICE_DPS_DEVICE_KEY: key,
    SSL_CERT_FILE: cloud.certificate,
  };
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`).join("\n");
}

function quoted(value: string): string {
  return /^[\w./:=+@,%•-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

function connectionString(device: string, cloud: About, key: string): string {
  return `HostName=${cloud.hubName};DeviceId=${device};SharedAccessKey=${key}`;
}
