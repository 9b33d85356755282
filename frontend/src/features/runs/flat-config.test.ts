import { expect, test } from "vitest"
import { flattenConfig } from "./flat-config"

test("groups become dotted names, lists and tables of ids stay one value", () => {
  const config = {
    steps: 600,
    device: "auto",
    validation: null,
    categories: ["car", "bus"],
    weights: { point: 1, absent: 0.1 },
    source: { name: "streets", ids: { "0": "car", "1": "bus" } },
  }
  expect(flattenConfig(config)).toEqual([
    ["steps", "600"],
    ["device", "auto"],
    ["validation", "null"],
    ["categories", '["car","bus"]'],
    ["weights.point", "1"],
    ["weights.absent", "0.1"],
    ["source.name", "streets"],
    ["source.ids", '{"0":"car","1":"bus"}'],
  ])
})
