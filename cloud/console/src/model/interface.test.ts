import assert from "node:assert/strict";
import { test } from "node:test";
import controller from "../../../../models/dtmi/com/example/temperaturecontroller-1.json";
import thermostat from "../../../../models/dtmi/com/example/thermostat-1.json";
import type { JsonObject } from "../json.ts";
import { capabilityPath, parseInterface } from "./interface.ts";

const documents = [controller, thermostat] as unknown as JsonObject[];

test("a thermostat has a telemetry, two properties and a command", () => {
  const model = parseInterface(documents, "dtmi:com:example:Thermostat;1");
  assert.equal(model?.title, "Thermostat");
  assert.deepEqual(
    model?.telemetry.map(({ name, unit, semanticType }) => [name, unit, semanticType]),
    [["temperature", "°C", "Temperature"]],
  );
  assert.deepEqual(
    model?.properties.map(({ name, writable }) => [name, writable]),
    [
      ["targetTemperature", true],
      ["maxTempSinceLastReboot", false],
    ],
  );
  assert.deepEqual(model?.commands[0]?.request?.schema, { kind: "dateTime" });
  const response = model?.commands[0]?.response?.schema;
  assert.deepEqual(
    response?.kind === "object" && response.fields.map((field) => field.schema.kind),
    ["double", "double", "double", "dateTime", "dateTime"],
  );
});

test("a controller has what its components have", () => {
  const model = parseInterface(documents, "dtmi:com:example:TemperatureController;1");
  assert.ok(model?.telemetry.map(capabilityPath).includes("thermostat1.temperature"));
  assert.ok(model?.commands.map(capabilityPath).includes("thermostat2.getMaxMinReport"));
});

test("documents that lead in circles, or are none, are read as far as they go", () => {
  const circle = {
    "@id": "dtmi:a;1",
    "@type": "Interface",
    extends: "dtmi:a;1",
    contents: [{ "@type": "Telemetry", name: "t", schema: { "@type": "Array", elementSchema: 5 } }],
  };
  const model = parseInterface([circle], "dtmi:a;1");
  assert.deepEqual(model?.telemetry[0]?.schema, { kind: "array", items: { kind: "any" } });
  assert.equal(parseInterface([{ contents: "x" }], "dtmi:b;1"), undefined);
});

test("what IoT Central adds is read, and a cloud property is not the device's", () => {
  const contents: JsonObject[] = [
    { "@type": ["Property", "Cloud"], name: "owner", schema: "string" },
    {
      "@type": "Telemetry",
      name: "t",
      schema: "double",
      unit: "percent",
      displayUnit: { en: "% rH" },
    },
    { "@type": "Property", name: "p", schema: "double", minValue: 0, maxValue: 9, initialValue: 4 },
    { "@type": "Command", name: "c", durable: true },
  ];
  const context = ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"];
  const document = { "@context": context, "@id": "dtmi:c;1", "@type": "Interface", contents };
  const model = parseInterface([document], "dtmi:c;1");
  assert.deepEqual(
    model?.properties.map(({ name, bounds, initialValue }) => [name, bounds, initialValue]),
    [["p", { minimum: 0, maximum: 9 }, 4]],
  );
  assert.deepEqual(model?.cloudProperties.map(capabilityPath), ["owner"]);
  assert.equal(model?.commands[0]?.durable, true);
  assert.equal(model?.telemetry[0]?.unit, "% rH");
  const plain = parseInterface([{ ...document, "@context": "dtmi:dtdl:context;2" }], "dtmi:c;1");
  assert.equal(plain?.properties.length, 2);
});
