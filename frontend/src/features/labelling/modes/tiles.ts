import { ASKED } from "@/lib/modes"
import { namesIn } from "../answer/announce"
import { doubtsIn, type Given } from "../answer/content"
import type { Grid } from "../answer/geometry"
import { EMPTY_SHEET, type Sheet, tilesOf, withTiles } from "../answer/sheet"
import { tileKeys } from "../keys/answer-keys"
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
  keys: ({ grid }, press) => tileKeys(grid, press),
  /** The active category leaves all of its tiles. */
  steppedBack: (sheet) => (sheet.active === null ? sheet : withTiles(sheet, sheet.active, [])),
  sheetOf: (given, { grid }) => {
    const own = tilesOn(grid, given)
    const present = Object.keys(own).map((name) => [name, "present"])
    const presence = { ...doubtsIn(given), ...Object.fromEntries(present) }
    return { ...EMPTY_SHEET, tiles: own, presence }
  },
  tilesIn: (sheet, present, { grid }) => ({
    ...grid,
    present: Object.fromEntries(present.map((name) => [name, [...tilesOf(sheet, name)]])),
  }),
  hint: () => "Press a category, then every tile that it is in. The rest counts as absent.",
  noTurn: () => "Press a category's key first, then its tiles.",
  change: (before, after, rules) =>
    changedTiles(before, after, rules.grid) ?? tags.change(before, after, rules),
  turn: ({ active }) => (active ? `Tiles of ${active}` : "No category chosen"),
}

/** Tiles of another grid, and tags without tiles, say nothing of these tiles. */
const tilesOn = ({ rows, cols }: Grid, { tiles: given }: Given) =>
  given?.rows === rows && given.cols === cols ? given.present : {}

/** One tile is named by its place, several are counted. */
function changedTiles(before: Sheet, after: Sheet, grid: Grid): string | null {
  const isSame = (name: string) => tilesOf(before, name).join() === tilesOf(after, name).join()
  const name = namesIn(before.tiles, after.tiles).find((one) => !isSame(one))
  if (name === undefined) return null
  const [old, now] = [tilesOf(before, name), tilesOf(after, name)]
  const isInBoth = (tile: number) => old.includes(tile) && now.includes(tile)
  const [tile, ...more] = [...new Set([...old, ...now])].filter((one) => !isInBoth(one))
  const count = `${now.length} of ${grid.rows * grid.cols} tiles`
  if (tile === undefined || more.length > 0) return `${name} in ${count}`
  const place = `row ${Math.floor(tile / grid.cols) + 1}, column ${(tile % grid.cols) + 1}`
  return `${name} ${now.includes(tile) ? "in" : "not in"} ${place}: ${count}`
}
