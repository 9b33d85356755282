// @vitest-environment node
import { expect, test } from "vitest"
import { rulesOf } from "./rules"
import { tagsOnly } from "./rules.fixture"

test.each(["tags", "points", "tags-and-points", "tiles"] as const)(
  "a project in mode %s has that mode's rules, and its own numbers",
  (mode) => {
    const { categories } = tagsOnly
    const numbers = { points_per_category: 3, tile_rows: 4, tile_cols: 5 }
    const rules = rulesOf({ categories: [...categories], mode, ...numbers })
    expect(rules.mode.name).toBe(mode)
    expect(rules).toMatchObject({ pointsPerCategory: 3, grid: { rows: 4, cols: 5 } })
    expect(rules.categories).toEqual(categories)
  },
)
