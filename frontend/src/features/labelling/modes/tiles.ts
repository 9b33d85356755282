import { ASKED } from "@/lib/modes"
import { withTiles } from "../answer/sheet"
import type { Mode } from "./mode"
import { tags } from "./tags"

/** In which parts of the image each category is: its key chooses it, its tiles are pressed then. */
export const tiles: Mode = {
  ...tags,
  ...ASKED.tiles,
  name: "tiles",
  tools: ["remove"],
  pressing: "Choose the category, then press or sweep over its tiles",
  pressed: (sheet, category) => ({
    ...sheet,
    active: sheet.active === category ? null : category,
  }),
  /** The active category leaves all of its tiles. */
  steppedBack: (sheet) => (sheet.active === null ? sheet : withTiles(sheet, sheet.active, [])),
  hint: () => "Press a category, then every tile that it is in. The rest counts as absent.",
  noTurn: () => "Press a category's key first, then its tiles.",
  turn: ({ active }) => (active ? `Tiles of ${active}` : "No category chosen"),
}
