import { useState } from "preact/hooks";
import { type CloudInfo, getCloudInfo, getDeviceKeys } from "../api/devices.ts";
import { CopyButton } from "../components/CopyButton.tsx";
import { Dialog } from "../components/Dialog.tsx";
import { useQuery } from "../components/hooks.ts";
import { ErrorMessage, Skeleton } from "../components/States.tsx";

/** Dialog with the connection details of a device. */
export function ConnectionDialog({ device, onClose }: { device: string; onClose: () => void }) {
  const query = useQuery(() => Promise.all([getCloudInfo(), getDeviceKeys(device)]), [device]);
  return (
    <Dialog title={`Connect ${device}`} onClose={onClose}>
      {query.error && <ErrorMessage>{query.error}</ErrorMessage>}
      {!query.data && !query.error && <Skeleton lines={5} />}
      {query.data && (
        <Details device={device} cloud={query.data[0]} secret={query.data[1].primaryKey} />
      )}
    </Dialog>
  );
}

function Details({ device, cloud, secret }: { device: string; cloud: CloudInfo; secret: string }) {
  const [revealed, setRevealed] = useState(false);
  const shownKey = revealed ? secret : "•".repeat(12);
  return (
    <>
      <p class="muted">
        These settings contain the key of the device. Anyone who has it can connect as this device.
      </p>
      <SecretText
        label="environment variables"
        title="Environment variables"
        shown={environment(device, cloud, shownKey)}
        text={environment(device, cloud, secret)}
      />
      <SecretText
        label="connection string"
        title="Connection string"
        shown={connectionString(device, cloud, shownKey)}
        text={connectionString(device, cloud, secret)}
      />
      <label class="check">
        <input type="checkbox" checked={revealed} onChange={() => setRevealed(!revealed)} /> Show
        the key
      </label>
    </>
  );
}

function SecretText({
  title,
  label,
  shown,
  text,
}: {
  title: string;
  label: string;
  shown: string;
  text: string;
}) {
  return (
    <section class="text">
      <header>
        <h3>{title}</h3>
        <CopyButton text={text} label={label} />
      </header>
      <pre tabIndex={0}>{shown}</pre>
    </section>
  );
}

/** Returns the environment variables used by Microsoft samples, as shell commands. */
function environment(device: string, cloud: CloudInfo, key: string): string {
  const variables = {
    IOTHUB_DEVICE_SECURITY_TYPE: "DPS",
    IOTHUB_DEVICE_DPS_ENDPOINT: cloud.dpsName,
    IOTHUB_DEVICE_DPS_ID_SCOPE: cloud.idScope,
    IOTHUB_DEVICE_DPS_DEVICE_ID: device,
    IOTHUB_DEVICE_DPS_DEVICE_KEY: key,
    SSL_CERT_FILE: cloud.caBundle ?? cloud.certificate,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellQuote(value)}`)
    .join("\n");
}

function shellQuote(value: string): string {
  return /^[\w./:=+@,%•-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

function connectionString(device: string, cloud: CloudInfo, key: string): string {
  return `HostName=${cloud.hubName};DeviceId=${device};SharedAccessKey=${key}`;
}
