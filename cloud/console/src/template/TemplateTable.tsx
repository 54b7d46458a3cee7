import { getModel } from "../api/models.ts";
import { Chip } from "../components/Chip.tsx";
import { useQuery } from "../components/hooks.ts";
import { formatCount } from "../format.ts";
import { templatePath } from "../route.ts";
import type { TemplateListItem } from "./templateList.ts";

/** Table of device templates. */
export function TemplateTable({ rows }: { rows: TemplateListItem[] }) {
  return (
    <div class="card table">
      <table class="templates">
        <thead>
          <tr>
            <th>Template</th>
            <th>Model</th>
            <th>Devices</th>
            <th>Published</th>
            <th>Draft</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <TemplateRow key={row.model} {...row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TemplateRow({ model: id, devices, template }: TemplateListItem) {
  const query = useQuery(() => getModel(id), [id]);
  return (
    <tr>
      <th scope="row">
        <a href={templatePath(id)}>{query.data?.title ?? id}</a>
      </th>
      <td class="model muted">{id}</td>
      <td class="device-count">{formatCount(devices, "device")}</td>
      <td>
        {template?.version ? (
          <Chip tone="success">Version {template.version}</Chip>
        ) : (
          <Chip tone="neutral">Not published</Chip>
        )}
      </td>
      <td>
        {template?.changed ? (
          <Chip tone="warning">Unpublished changes</Chip>
        ) : (
          <span class="muted">{template ? "No changes" : "No draft"}</span>
        )}
      </td>
    </tr>
  );
}
