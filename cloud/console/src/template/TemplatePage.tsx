import { useEffect, useMemo } from "preact/hooks";
import { countDevicesByModel } from "../api/modelUsage.ts";
import { getTemplate, type Template } from "../api/templates.ts";
import { useQuery } from "../components/hooks.ts";
import { ErrorMessage, Skeleton } from "../components/States.tsx";
import { useModel } from "../device/hooks.ts";
import { formatCount } from "../format.ts";
import type { Interface } from "../model/interface.ts";
import { Capabilities } from "./Capabilities.tsx";
import { TemplateDraft } from "./templateDraft.ts";
import { UnknownModel } from "./UnknownModel.tsx";
import { UnsavedChangesGuard } from "./UnsavedChangesGuard.tsx";
import { Versions } from "./Versions.tsx";
import { ViewsEditor } from "./ViewsEditor.tsx";

/** Page of a device template: its views, capabilities and versions. */
export function TemplatePage({ id }: { id: string }) {
  const modelState = useModel(id);
  const template = useQuery(async () => ({ found: await getTemplate(id) }), [id]);
  const devices = useQuery(async () => (await countDevicesByModel()).get(id) ?? 0, [id]);
  const title = modelState.model?.title ?? id;
  const error = modelState.error ?? template.error;
  useEffect(() => {
    document.title = `${title} · Device templates · Local cloud`;
  }, [title]);
  return (
    <>
      <div class="page-header">
        <div>
          <h1>{title}</h1>
          <p class="muted model">
            {id}
            {devices.data !== undefined && ` · ${formatCount(devices.data, "device")}`}
          </p>
        </div>
      </div>
      {error && <ErrorMessage>{error}</ErrorMessage>}
      {modelState.isUnknown && <UnknownModel id={id} devices={devices.data ?? 0} />}
      {!error && !modelState.isUnknown && !(modelState.model && template.data) && (
        <Skeleton lines={5} />
      )}
      {modelState.model && template.data && (
        <Editor model={modelState.model} template={template.data.found} />
      )}
    </>
  );
}

function Editor({ model, template }: { model: Interface; template: Template | undefined }) {
  // Changes by other sessions do not replace the draft on this page.
  const draft = useMemo(() => new TemplateDraft(model.id, template), [model.id]);
  return (
    <>
      <UnsavedChangesGuard draft={draft} />
      <ViewsEditor draft={draft} model={model} />
      <div class="template-columns">
        <Capabilities model={model} />
        <Versions draft={draft} />
      </div>
    </>
  );
}
