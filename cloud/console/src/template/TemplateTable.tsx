import { model } from "../cloud/models.ts";
import { Chip } from "../part/Chip.tsx";
import { useAsked } from "../part/use.ts";
import { templateAddress } from "../route.ts";
import { count } from "../words.ts";
import type { Row } from "./rows.ts";

/** Models and their templates, one a row. */
export function TemplateTable({ rows }: { rows: Row[] }) {
  return (
    <div class="card table">
      <table class="templates">
        <thead>
          <tr><th>Template</th><th>Model</th><th>Devices</th><th>Published</th><th>Draft</th></tr>
        </thead>
        <tbody>
          {rows.map((row) => <TemplateRow key={row.model} {...row} />)}
        </tbody>
      </table>
    </div>
  );
}

function TemplateRow({ model: id, devices, template }: Row) {
  const asked = useAsked(() => model(id), [id]);
  return (
    <tr>
      <th scope="row"><a href={templateAddress(id)}>{asked.value?.title ?? id}</a></th>
      <td class="model faint">{id}</td>
      <td class="devices-of">{count(devices, "device")}</td>
      <td>{template?.version ? <Chip tone="good">Version {template.version}</Chip> : <Chip tone="quiet">Not published</Chip>}</td>
      <td>{template?.changed ? <Chip tone="wait">Draft differs</Chip> : <span class="faint">{template ? "no changes" : "no draft"}</span>}</td>
    </tr>
  );
}
