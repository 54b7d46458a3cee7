import { type Command, capabilityPath, type Interface, type Property } from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";

interface CapabilityRow {
  readonly path: string;
  readonly title: string;
  readonly kind: string;
  readonly type: string;
  readonly unit: string | undefined;
}

/** Table of the capabilities of a model. */
export function Capabilities({ model }: { model: Interface }) {
  return (
    <section class="card table capabilities">
      <h2>Capabilities</h2>
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>Type</th>
            <th>Schema</th>
          </tr>
        </thead>
        <tbody>
          {capabilityRows(model).map((row) => (
            <tr key={row.path}>
              <th scope="row">
                {row.title} <code class="muted">{row.path}</code>
              </th>
              <td>{row.kind}</td>
              <td>
                {row.type}
                {row.unit && <span class="muted"> in {row.unit}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function capabilityRows(model: Interface): CapabilityRow[] {
  return [
    ...model.telemetry.map((one) => ({
      path: capabilityPath(one),
      title: one.title,
      kind: "Telemetry",
      type: schemaType(one.schema),
      unit: one.unit,
    })),
    ...model.properties.map((one) => ({
      path: capabilityPath(one),
      title: one.title,
      kind: propertyKind(one),
      type: schemaType(one.schema),
      unit: one.unit,
    })),
    ...model.cloudProperties.map((one) => ({
      path: capabilityPath(one),
      title: one.title,
      kind: "Cloud property",
      type: schemaType(one.schema),
      unit: one.unit,
    })),
    ...model.commands.map((one) => ({
      path: capabilityPath(one),
      title: one.title,
      kind: one.durable ? "Command (queue if offline)" : "Command",
      type: signature(one),
      unit: undefined,
    })),
  ];
}

function propertyKind(property: Property): string {
  return property.writable ? "Property (writable)" : "Property";
}

function signature({ request, response }: Command): string {
  const requestType = request && `request: ${schemaType(request.schema)}`;
  const responseType = response && `response: ${schemaType(response.schema)}`;
  return [requestType, responseType].filter(Boolean).join(", ");
}

/** Returns the DTDL name of a schema. */
function schemaType(schema: Schema): string {
  switch (schema.kind) {
    case "array":
      return `array of ${schemaType(schema.items)}`;
    case "map":
      return `map of ${schemaType(schema.values)}`;
    case "enum":
      return schema.values.map((choice) => choice.title).join(" | ");
    case "object":
      return "object";
    default:
      return schema.kind;
  }
}
