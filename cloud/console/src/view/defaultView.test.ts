import assert from "node:assert/strict";
import { test } from "node:test";
import controller from "../../../../models/dtmi/com/example/temperaturecontroller-1.json";
import thermostat from "../../../../models/dtmi/com/example/thermostat-1.json";
import type { Tile } from "../api/templates.ts";
import type { JsonObject } from "../json.ts";
import { capabilityPath, type Interface, parseInterface } from "../model/interface.ts";
import { generateDefaultView } from "./defaultView.ts";
import { COLUMNS } from "./layout.ts";

const documents = [controller, thermostat] as unknown as JsonObject[];

const model = (id: string) => parseInterface(documents, id) as Interface;
const written = ({ kind, shows, columns, rows }: Tile) =>
  `${kind} ${shows.map(capabilityPath).join(" ")} ${columns}x${rows}`;

test("a thermostat's value stands beside its chart, the highest one below, and what can be set and called at the end", () => {
  assert.deepEqual(generateDefaultView(model("dtmi:com:example:Thermostat;1")).tiles.map(written), [
    "value temperature 1x1",
    "chart temperature 3x2",
    "value maxTempSinceLastReboot 1x1",
    "properties targetTemperature 2x1",
    "command getMaxMinReport 2x1",
  ]);
});

test("what the device itself has comes before its components, and all of it is there", () => {
  const { tiles } = generateDefaultView(model("dtmi:com:example:TemperatureController;1"));
  const components = tiles.map((tile) => tile.shows[0]?.component);
  assert.deepEqual([...new Set(components)], [undefined, "thermostat1", "thermostat2"]);
  assert.equal(components.lastIndexOf(undefined) + 1, components.indexOf("thermostat1"));
  const shown = new Set(tiles.flatMap((tile) => tile.shows.map(capabilityPath)));
  const rows = components.map((_, index) =>
    tiles.slice(0, index + 1).reduce((sum, tile) => sum + tile.columns * tile.rows, 0),
  );
  for (const [index, component] of components.entries()) {
    if (index > 0 && component !== components[index - 1])
      assert.equal((rows[index - 1] ?? 0) % COLUMNS, 0, `${component} begins a row`);
  }
  for (const name of [
    "workingSet",
    "serialNumber",
    "reboot",
    "thermostat1.temperature",
    "thermostat2.getMaxMinReport",
  ]) {
    assert.ok(shown.has(name), name);
  }
});

test("a model beyond what a view has room for is shown as far as it goes", () => {
  const property = (name: string) => ({ "@type": "Property", name, schema: "string" });
  const command = (name: string) => ({ "@type": "Command", name });
  const contents = Array.from({ length: 80 }, (_, n) => [
    property(`p${n}`),
    command(`c${n}`),
  ]).flat();
  const large = parseInterface([{ "@id": "dtmi:a;1", contents }], "dtmi:a;1") as Interface;
  const { tiles } = generateDefaultView(large);
  assert.equal(tiles.length, 60);
  assert.ok(tiles.every((tile) => tile.shows.length <= 10));
  assert.deepEqual(
    tiles.slice(0, 8).map((tile) => tile.shows.length),
    Array(8).fill(10),
  );
});
