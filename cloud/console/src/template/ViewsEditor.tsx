import { useState } from "preact/hooks";
import type { View } from "../api/templates.ts";
import { Icon } from "../components/Icon.tsx";
import { Menu } from "../components/Menu.tsx";
import { EmptyState, ErrorMessage } from "../components/States.tsx";
import type { Interface } from "../model/interface.ts";
import { generateDefaultView } from "../view/defaultView.ts";
import { replaceItem, uniqueName } from "../view/layout.ts";
import { ConflictNotice } from "./ConflictNotice.tsx";
import { PublishControls } from "./PublishControls.tsx";
import { usePreview } from "./preview.ts";
import type { TemplateDraft } from "./templateDraft.ts";
import { ViewEditor } from "./ViewEditor.tsx";

/** Editor of the views of a device template. */
export function ViewsEditor({ draft, model }: { draft: TemplateDraft; model: Interface }) {
  const [selected, setSelected] = useState(0);
  const preview = usePreview(model);
  const views = draft.views.value;
  const index = Math.min(selected, views.length - 1);
  const view = views[index];
  const change = (...by: View[]) => (draft.views.value = replaceItem(views, index, ...by));
  const add = (view: Omit<View, "name">, name: string) => {
    draft.views.value = [...views, { name: uniqueName(views, name), ...view }];
    setSelected(views.length);
  };
  const addEmpty = () => add({ tiles: [] }, "View");
  const addDefault = () => add(generateDefaultView(model), "Default view");
  return (
    <>
      <div class="edit-bar">
        <div class="toolbar">
          {views.length > 0 && (
            <div class="views">
              <div class="segments" role="group" aria-label="Views">
                {views.map(({ name }, at) => (
                  <button
                    type="button"
                    key={at}
                    aria-pressed={at === index}
                    onClick={() => setSelected(at)}
                  >
                    {name || "\u00a0"}
                  </button>
                ))}
              </div>
              <Menu
                label="Add view"
                button={
                  <>
                    <Icon name="plus" /> Add view
                  </>
                }
              >
                <button type="button" onClick={addEmpty}>
                  Empty view
                </button>
                <button type="button" onClick={addDefault}>
                  Generate default view
                </button>
              </Menu>
            </div>
          )}
          <PublishControls draft={draft} device={preview.device} view={view?.name} />
        </div>
        <ConflictNotice draft={draft} />
        {draft.error.value && <ErrorMessage>{draft.error.value}</ErrorMessage>}
      </div>
      {view ? (
        <ViewEditor key={index} view={view} model={model} preview={preview} onChange={change} />
      ) : (
        <EmptyState title="No views">
          <button type="button" class="primary" onClick={addDefault}>
            Generate default view
          </button>{" "}
          <button type="button" onClick={addEmpty}>
            Empty view
          </button>
        </EmptyState>
      )}
    </>
  );
}
