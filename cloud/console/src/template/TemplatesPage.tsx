import { useEffect, useState } from "preact/hooks";
import { listModels, modelAdditions } from "../api/models.ts";
import { countDevicesByModel } from "../api/modelUsage.ts";
import { listTemplates } from "../api/templates.ts";
import { useQuery, useThrottled } from "../components/hooks.ts";
import { EmptyState, ErrorMessage, Skeleton } from "../components/States.tsx";
import { formatCount } from "../format.ts";
import { useDeviceChanges } from "./deviceChanges.ts";
import { TemplateTable } from "./TemplateTable.tsx";
import { type TemplateListItem, templateList } from "./templateList.ts";
import { UnknownModel } from "./UnknownModel.tsx";

/** Models per page. */
const PAGE_SIZE = 100;
/** Minimum milliseconds between two requests for the list. */
const LIST_INTERVAL = 300;
/** Milliseconds between two requests for the list while the cloud reads models. */
const PENDING_INTERVAL = 1000;

const NO_LISTS: TemplateLists = { known: [], unknown: [], broken: [], modelsRead: undefined };

/** List of device templates. */
export function TemplatesPage() {
  const [shown, setShown] = useState(PAGE_SIZE);
  const query = useQuery(loadLists, [modelAdditions.value]);
  useThrottled(useDeviceChanges(), LIST_INTERVAL, query.refetch);
  useEffect(() => {
    document.title = "Device templates · Local cloud";
  }, []);
  const { known, unknown, broken, modelsRead } = query.data ?? NO_LISTS;
  const isPending = modelsRead !== undefined;
  useEffect(() => {
    if (!isPending) return;
    const timer = setInterval(query.refetch, PENDING_INTERVAL);
    return () => clearInterval(timer);
  }, [isPending]);
  return (
    <>
      <div class="page-header">
        <div>
          <h1>Device templates</h1>
          <p class="muted">
            Views for all devices of a model. Published views appear as tabs of each device.
          </p>
        </div>
      </div>
      {query.error && <ErrorMessage>{query.error}</ErrorMessage>}
      {!query.data && !query.error && <Skeleton lines={3} />}
      {isPending && (
        <p class="notice" role="status">
          The cloud is reading the directory of models: {formatCount(modelsRead, "model")} so far.
        </p>
      )}
      {broken.length > 0 && <InvalidModelFiles files={broken} />}
      {known.length > 0 && <TemplateTable rows={known.slice(0, shown)} />}
      {unknown.slice(0, shown).map((row) => (
        <UnknownModel key={row.model} id={row.model} devices={row.devices} />
      ))}
      {Math.max(known.length, unknown.length) > shown && (
        <button type="button" onClick={() => setShown(shown + PAGE_SIZE)}>
          Show more ({formatCount(known.length + unknown.length, "model")})
        </button>
      )}
      {query.data && !isPending && known.length + unknown.length === 0 && (
        <EmptyState title="No device templates">
          A template appears when a device announces its model.
        </EmptyState>
      )}
    </>
  );
}

interface TemplateLists {
  readonly known: TemplateListItem[];
  readonly unknown: TemplateListItem[];
  readonly broken: string[];
  /** Number of models read so far; `undefined` if all have been read. */
  readonly modelsRead: number | undefined;
}

async function loadLists(): Promise<TemplateLists> {
  const [devices, templates, { ids, broken, pending }] = await Promise.all([
    countDevicesByModel(),
    listTemplates(),
    listModels(),
  ]);
  const all = templateList(devices, templates, new Set(ids));
  return {
    known: all.filter((row) => row.hasModel),
    // The cloud may have a model that it has not read yet.
    unknown: pending ? [] : all.filter((row) => !row.hasModel),
    broken,
    modelsRead: pending ? ids.length : undefined,
  };
}

/** Notice of model files that cannot be read. */
function InvalidModelFiles({ files }: { files: string[] }) {
  return (
    <section class="notice">
      <h2>{formatCount(files.length, "model file")} cannot be loaded</h2>
      <ul>
        {files.map((file) => (
          <li key={file}>{file}</li>
        ))}
      </ul>
    </section>
  );
}
