import { useEffect, useMemo } from "preact/hooks";
import { announced } from "../cloud/announced.ts";
import { type Template, template as askTemplate } from "../cloud/templates.ts";
import { useModel } from "../device/live.ts";
import type { Interface } from "../model/interface.ts";
import { Skeleton, Trouble } from "../part/State.tsx";
import { useAsked } from "../part/use.ts";
import { count } from "../words.ts";
import { Capabilities } from "./Capabilities.tsx";
import { Editing } from "./editing.ts";
import { LeaveGuard } from "./LeaveGuard.tsx";
import { UnknownModel } from "./UnknownModel.tsx";
import { Versions } from "./Versions.tsx";
import { ViewsEditor } from "./ViewsEditor.tsx";

/** The template of a model: its views, to arrange and to publish. */
export function TemplatePage({ id }: { id: string }) {
  const known = useModel(id);
  const template = useAsked(async () => ({ found: await askTemplate(id) }), [id]);
  const devices = useAsked(async () => (await announced()).get(id) ?? 0, [id]);
  const title = known.model?.title ?? id;
  const trouble = known.trouble ?? template.trouble;
  useEffect(() => {
    document.title = `${title} · Templates · Local cloud`;
  }, [title]);
  return (
    <>
      <div class="head">
        <div>
          <h1>{title}</h1>
          <p class="faint model">{id}{devices.value !== undefined && ` · ${count(devices.value, "device")}`}</p>
        </div>
      </div>
      {trouble && <Trouble>{trouble}</Trouble>}
      {known.isUnknown && <UnknownModel id={id} devices={devices.value ?? 0} />}
      {!trouble && !known.isUnknown && !(known.model && template.value) && <Skeleton lines={5} />}
      {known.model && template.value && <Editor model={known.model} template={template.value.found} />}
    </>
  );
}

function Editor({ model, template }: { model: Interface; template: Template | undefined }) {
  // What others save meanwhile does not change what is on the page.
  const editing = useMemo(() => new Editing(model.id, template), [model.id]);
  return (
    <>
      <LeaveGuard editing={editing} />
      <ViewsEditor editing={editing} model={model} />
      <div class="template-facts">
        <Capabilities model={model} />
        <Versions editing={editing} />
      </div>
    </>
  );
}
