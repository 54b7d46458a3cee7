import { type Command, type Interface, path, type Property } from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";

interface Row {
  readonly path: string;
  readonly title: string;
  readonly what: string;
  readonly type: string;
  readonly unit: string | undefined;
}

/** What devices of a model can say and do. */
export function Capabilities({ model }: { model: Interface }) {
  return (
    <section class="card table capabilities">
      <h2>What the model has</h2>
      <table>
        <thead>
          <tr><th>Name</th><th>What</th><th>Type</th></tr>
        </thead>
        <tbody>
          {rows(model).map((row) => (
            <tr key={row.path}>
              <th scope="row">{row.title} <code class="faint">{row.path}</code></th>
              <td>{row.what}</td>
              <td>{row.type}{row.unit && <span class="faint"> in {row.unit}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function rows(model: Interface): Row[] {
  return [
    ...model.telemetry.map((one) => ({ path: path(one), title: one.title, what: "Telemetry", type: typeOf(one.schema), unit: one.unit })),
    ...model.properties.map((one) => ({ path: path(one), title: one.title, what: whatOf(one), type: typeOf(one.schema), unit: one.unit })),
    ...model.commands.map((one) => ({ path: path(one), title: one.title, what: "Command", type: signature(one), unit: undefined })),
  ];
}

function whatOf(property: Property): string {
  return property.writable ? "Property, writable" : "Property";
}

function signature({ request, response }: Command): string {
  const takes = request && `takes ${typeOf(request.schema)}`;
  const gives = response && `gives ${typeOf(response.schema)}`;
  return [takes, gives].filter(Boolean).join(", ");
}

/** A schema in DTDL's words. */
function typeOf(schema: Schema): string {
  switch (schema.kind) {
    case "array":
      return `array of ${typeOf(schema.items)}`;
    case "map":
      return `map of ${typeOf(schema.values)}`;
    case "enum":
      return schema.values.map((choice) => choice.title).join(" | ");
    case "object":
      return "object";
    default:
      return schema.kind;
  }
}
