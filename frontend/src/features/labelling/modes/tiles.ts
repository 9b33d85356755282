import { Grid2x2 } from "lucide-react"
import type { Shortcut } from "@/lib/commands"
import { formatPlural } from "@/lib/format"
import { ASKED, NO_PLACES } from "@/lib/modes"
import { namesIn } from "../answer/announce"
import { doubtsIn, type Given } from "../answer/content"
import type { Grid } from "../answer/geometry"
import { EMPTY_SHEET, type Sheet } from "../answer/sheet"
import { isInTile, markTiles, tilesOf, withTiles } from "../answer/tiles"
import { tileMarking } from "../stage/tile-marking"
import type { Answering, Mode } from "./mode"
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
  keys: ({ grid }, answer) => keypad(grid).map((key, tile) => keyOf(key, tile, answer)),
  keyHelp: ({ grid }) => {
    const label = "Tiles lie on the numeric keypad as on the image, from the top left"
    return keypad(grid).length > 0 ? [{ label, chords: ["Numpad7", "Numpad8"] }] : []
  },
  marking: tileMarking,
  /** The active category leaves all of its tiles. */
  steppedBack: (sheet) => (sheet.active === null ? sheet : withTiles(sheet, sheet.active, [])),
  sheetOf: (given, { grid }) => {
    const own = tilesOn(grid, given)
    const present = Object.keys(own).map((name) => [name, "present"])
    const presence = { ...doubtsIn(given), ...Object.fromEntries(present) }
    return { ...EMPTY_SHEET, tiles: own, presence }
  },
  placesIn: (sheet, present, { grid }) => {
    const marked = present.map((name) => [name, [...tilesOf(sheet, name)]])
    return { ...NO_PLACES, tiles: { ...grid, present: Object.fromEntries(marked) } }
  },
  standing: (sheet, category) => {
    const count = tilesOf(sheet, category).length
    return count === 0 ? null : { Icon: Grid2x2, words: formatPlural(count, "tile") }
  },
  hint: () => "Press a category, then every tile that it is in. The rest counts as absent.",
  noTurn: () => "Press a category's key first, then its tiles.",
  change: (before, after, rules) =>
    changedTiles(before, after, rules.grid) ?? tags.change(before, after, rules),
  turn: ({ active }) => (active ? `Tiles of ${active}` : "No category chosen"),
}

const PAD = ["789", "456", "123"].map((row) => [...row].map((digit) => `Numpad${digit}`))

/** Keys of the tiles, of which up to 3 x 3 lie on the numeric keypad. */
function keypad({ rows, cols }: Grid): readonly string[] {
  if (rows > PAD.length || cols > PAD.length) return []
  return PAD.slice(0, rows).flatMap((row) => row.slice(0, cols))
}

/** The active category is in the tile, or no longer. */
const keyOf = (key: string, tile: number, { sheet, edit, sayNoTurn }: Answering): Shortcut => ({
  keys: [key],
  run: () => {
    const now = sheet() ?? EMPTY_SHEET
    if (now.active === null) sayNoTurn()
    else markTiles([tile], !isInTile(now, tile), edit)
  },
})

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
