import { ASKED } from "@/lib/modes"
import type { Mode } from "./mode"
import { tags } from "./tags"

/** Which categories are in the image, and a click on each: first ticked, first clicked. */
export const tagsAndPoints: Mode = {
  ...tags,
  ...ASKED["tags-and-points"],
  name: "tags-and-points",
  tools: ["remove"],
  takesClicks: () => true,
  hint: () => "Tick what is there, and click on it. The rest counts as absent.",
  noTurn: ({ points }) =>
    points.length > 0
      ? "All points are placed. Press a category for one more."
      : "Tick a category first, then click it.",
  turn: ({ active, points }) => {
    if (active !== null) return `Click ${active}`
    return points.length > 0 ? "All points placed" : "Nothing to click"
  },
}
