import { useState } from "preact/hooks";
import type { View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { Icon } from "../part/Icon.tsx";
import { Menu } from "../part/Menu.tsx";
import { Empty, Trouble } from "../part/State.tsx";
import { freeName, replaced } from "../view/arrange.ts";
import { everything } from "../view/everything.ts";
import type { Editing } from "./editing.ts";
import { Overtaken } from "./Overtaken.tsx";
import { usePreview } from "./preview.ts";
import { Publishing } from "./Publishing.tsx";
import { ViewEditor } from "./ViewEditor.tsx";

/** The views of a template, one of them to arrange. */
export function ViewsEditor({ editing, model }: { editing: Editing; model: Interface }) {
  const [chosen, setChosen] = useState(0);
  const preview = usePreview(model);
  const views = editing.views.value;
  const index = Math.min(chosen, views.length - 1);
  const view = views[index];
  const change = (...by: View[]) => (editing.views.value = replaced(views, index, ...by));
  const add = (view: Omit<View, "name">, name: string) => {
    editing.views.value = [...views, { name: freeName(views, name), ...view }];
    setChosen(views.length);
  };
  const addEmpty = () => add({ tiles: [] }, "View");
  const addEverything = () => add(everything(model), "Everything");
  return (
    <>
      <div class="edit-bar">
        <div class="bar">
          {views.length > 0 && (
            <div class="views">
              <div class="segments" role="group" aria-label="Views">
                {views.map(({ name }, at) => (
                  <button type="button" key={at} aria-pressed={at === index} onClick={() => setChosen(at)}>{name || "\u00a0"}</button>
                ))}
              </div>
              <Menu label="Add a view" button={<><Icon name="plus" /> Add a view</>}>
                <button type="button" onClick={addEmpty}>An empty view</button>
                <button type="button" onClick={addEverything}>A view of everything</button>
              </Menu>
            </div>
          )}
          <Publishing editing={editing} device={preview.device} view={view?.name} />
        </div>
        <Overtaken editing={editing} />
        {editing.trouble.value && <Trouble>{editing.trouble.value}</Trouble>}
      </div>
      {view
        ? <ViewEditor key={index} view={view} model={model} preview={preview} onChange={change} />
        : (
          <Empty title="This template has no view yet.">
            <button type="button" class="primary" onClick={addEverything}>A view of everything</button>{" "}
            <button type="button" onClick={addEmpty}>An empty view</button>
          </Empty>
        )}
    </>
  );
}
