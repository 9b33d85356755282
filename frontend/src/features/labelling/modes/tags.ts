import { ASKED } from "@/lib/modes"
import { changedAnswer } from "../answer/announce"
import { pointsIn, tickedAs } from "../answer/content"
import { withoutPoint } from "../answer/sheet"
import { ticked } from "../answer/turns"
import { pointMarking } from "../stage/point-marking"
import type { Mode } from "./mode"

/** Which categories are in the image. */
export const tags: Mode = {
  ...ASKED.tags,
  name: "tags",
  tools: [],
  pressing: "Tick or untick the category with this key",
  pressed: ticked,
  keys: () => [],
  keyHelp: () => [],
  marking: pointMarking,
  steppedBack: withoutPoint,
  takesClicks: () => false,
  turns: (sheet) => sheet.ticked,
  isBeforePoints: () => false,
  sheetOf: tickedAs,
  placesIn: pointsIn,
  standing: () => null,
  hint: () => "Tick what is there. The rest counts as absent.",
  noTurn: () => "This project asks for no points.",
  change: changedAnswer,
  turn: () => null,
}
