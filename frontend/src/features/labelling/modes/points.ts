import { ASKED } from "@/lib/modes"
import { isAnyPresent, withoutPoint } from "../answer/sheet"
import type { Mode } from "./mode"
import { tagsAndPoints } from "./tags-and-points"

/** Tags first; then each category that is there comes up for its click, in the panel's order. */
export const points: Mode = {
  ...tagsAndPoints,
  ...ASKED.points,
  name: "points",
  tools: ["remove", "refute"],
  /** Without points, back to the tags. */
  steppedBack: (sheet) =>
    sheet.points.length === 0 && sheet.isSettled
      ? { ...sheet, isSettled: false, active: null }
      : withoutPoint(sheet),
  takesClicks: (sheet) => sheet.isSettled,
  turns: (_sheet, { categories }) => categories.map(({ name }) => name),
  isBeforePoints: (sheet) => !sheet.isSettled && isAnyPresent(sheet),
  hint: ({ isSettled }) =>
    isSettled
      ? "Click each category on the image in turn."
      : "Tick what is there; the points come after Enter.",
  noTurn: (sheet) =>
    sheet.isSettled ? tagsAndPoints.noTurn(sheet) : "First tick what is there, then Enter.",
  turn: (sheet) =>
    sheet.isSettled || sheet.active !== null ? tagsAndPoints.turn(sheet) : "Tick what is there",
}
