import { Crosshair, MapPin } from "lucide-react"
import { ASKED } from "@/lib/modes"
import { pointsOf, presenceOf, type Sheet } from "../answer/sheet"
import type { Mode, Rules, Standing } from "./mode"
import { tags } from "./tags"

/** Which categories are in the image, and a click on each: first ticked, first clicked. */
export const tagsAndPoints: Mode = {
  ...tags,
  ...ASKED["tags-and-points"],
  name: "tags-and-points",
  tools: ["remove"],
  takesClicks: () => true,
  standing: pointsOn,
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

/** How many points the category has, and in its turn which one is wanted. */
function pointsOn(sheet: Sheet, category: string, { pointsPerCategory }: Rules): Standing | null {
  if (presenceOf(sheet, category) !== "present") return null
  const count = pointsOf(sheet, category).length
  if (sheet.active === category) {
    const wanted = Math.max(count + 1, pointsPerCategory)
    const words = pointsPerCategory > 1 ? `click ${count + 1} of ${wanted}` : "click it"
    return { Icon: Crosshair, words }
  }
  if (count === 0) return { Icon: null, words: "no point" }
  return { Icon: MapPin, words: `${count}`, unseen: count === 1 ? "point" : "points" }
}
