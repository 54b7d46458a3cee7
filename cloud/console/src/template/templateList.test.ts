import assert from "node:assert/strict";
import { test } from "node:test";
import { templateList } from "./templateList.ts";

test("each model that is announced or has a template has one row", () => {
  const template = { model: "dtmi:b;1", version: 2, changed: false };
  const all = templateList(
    new Map([
      ["dtmi:c;1", 3],
      ["dtmi:b;1", 1],
    ]),
    [template, { ...template, model: "dtmi:a;1" }],
    new Set(["dtmi:a;1", "dtmi:b;1"]),
  );
  assert.deepEqual(
    all.map(({ model, devices, hasModel, template }) => [
      model,
      devices,
      hasModel,
      template?.version,
    ]),
    [
      ["dtmi:a;1", 0, true, 2],
      ["dtmi:b;1", 1, true, 2],
      ["dtmi:c;1", 3, false, undefined],
    ],
  );
});
