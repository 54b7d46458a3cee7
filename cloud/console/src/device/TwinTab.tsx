import { model } from "../cloud/models.ts";
import { digitalTwin, type Twin } from "../cloud/twin.ts";
import type { JsonObject } from "../json.ts";
import { Copy } from "../part/Copy.tsx";
import { JsonView } from "../part/JsonView.tsx";
import { Skeleton, Trouble } from "../part/State.tsx";
import { useAsked } from "../part/use.ts";
import type { TabProps } from "./DevicePage.tsx";
import { TwinDifferences } from "./TwinDifferences.tsx";

/** Both halves of the twin and the digital twin, and where they differ. */
export function TwinTab({ device, twin }: TabProps) {
  const asked = useAsked(async () => ({ digital: await modelled(device, twin.model) }), [device, twin]);
  const digital = asked.value?.digital;
  if (!asked.value && !asked.trouble) return <Skeleton lines={6} />;
  return (
    <>
      {asked.trouble && <Trouble>{asked.trouble}</Trouble>}
      <TwinDifferences twin={twin} digital={digital} />
      <div class="columns three">
        <Document title="Desired" version={twin.desired.version} values={twin.desired.values} />
        <Document title="Reported" version={twin.reported.version} values={twin.reported.values} />
        {digital && <Document title="Digital twin" values={digital} />}
        {asked.value && !digital && <NoDigitalTwin twin={twin} />}
      </div>
      {Object.keys(twin.tags).length > 0 && <Document title="Tags" values={twin.tags} />}
    </>
  );
}

/** The digital twin of a device whose model the cloud knows. */
async function modelled(device: string, id: string | undefined): Promise<JsonObject | undefined> {
  return id !== undefined && (await model(id)) ? digitalTwin(device) : undefined;
}

function Document({ title, version, values }: { title: string; version?: number; values: JsonObject }) {
  return (
    <section class="card">
      <header class="half">
        <h2>{title}{version !== undefined && <span class="faint"> v{version}</span>}</h2>
        <Copy text={JSON.stringify(values, null, 2)} label={title.toLowerCase()} />
      </header>
      <JsonView value={values} />
    </section>
  );
}

function NoDigitalTwin({ twin }: { twin: Twin }) {
  return (
    <section class="card">
      <h2>Digital twin</h2>
      <p class="faint">
        There is none: it is a device in the words of its model, and {twin.model === undefined
          ? "this device has announced no model."
          : <>the cloud does not know <code>{twin.model}</code>. <code>--models</code> names a directory with more models.</>}
      </p>
    </section>
  );
}
