import { getModel } from "../api/models.ts";
import { getDigitalTwin, type Twin } from "../api/twin.ts";
import { CopyButton } from "../components/CopyButton.tsx";
import { useQuery } from "../components/hooks.ts";
import { JsonView } from "../components/JsonView.tsx";
import { ErrorMessage, Skeleton } from "../components/States.tsx";
import type { JsonObject } from "../json.ts";
import { TwinDifferences } from "./TwinDifferences.tsx";
import type { TabProps } from "./tab.ts";

/** Desired and reported properties, the digital twin, and their differences. */
export function TwinTab({ device, twin }: TabProps) {
  const query = useQuery(
    async () => ({ digital: await loadDigitalTwin(device, twin.model) }),
    [device, twin],
  );
  const digital = query.data?.digital;
  if (!query.data && !query.error) return <Skeleton lines={6} />;
  return (
    <>
      {query.error && <ErrorMessage>{query.error}</ErrorMessage>}
      <TwinDifferences twin={twin} digital={digital} />
      <div class="columns three">
        <JsonCard
          title="Desired properties"
          version={twin.desired.version}
          values={twin.desired.values}
        />
        <JsonCard
          title="Reported properties"
          version={twin.reported.version}
          values={twin.reported.values}
        />
        {digital && <JsonCard title="Digital twin" values={digital} />}
        {query.data && !digital && <NoDigitalTwin twin={twin} />}
      </div>
      {Object.keys(twin.tags).length > 0 && <JsonCard title="Tags" values={twin.tags} />}
    </>
  );
}

/** Loads the digital twin of a device whose model the cloud has. */
async function loadDigitalTwin(
  device: string,
  id: string | undefined,
): Promise<JsonObject | undefined> {
  return id !== undefined && (await getModel(id)) ? getDigitalTwin(device) : undefined;
}

function JsonCard({
  title,
  version,
  values,
}: {
  title: string;
  version?: number;
  values: JsonObject;
}) {
  return (
    <section class="card">
      <header class="card-header">
        <h2>
          {title}
          {version !== undefined && <span class="muted"> v{version}</span>}
        </h2>
        <CopyButton text={JSON.stringify(values, null, 2)} label={title.toLowerCase()} />
      </header>
      <JsonView value={values} />
    </section>
  );
}

function NoDigitalTwin({ twin }: { twin: Twin }) {
  return (
    <section class="card">
      <h2>Digital twin</h2>
      <p class="muted">
        Not available:{" "}
        {twin.model === undefined ? (
          "the device has announced no model."
        ) : (
          <>
            the cloud does not have the model <code>{twin.model}</code>. Add a directory of models
            with <code>--models</code>.
          </>
        )}
      </p>
    </section>
  );
}
