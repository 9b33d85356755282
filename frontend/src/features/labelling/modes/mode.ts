import type { ComponentType } from "react"
import type { Category, Mode as ModeName } from "@/api/projects"
import type { Shortcut } from "@/lib/commands"
import type { Places } from "@/lib/modes"
import type { Given } from "../answer/content"
import type { Grid } from "../answer/geometry"
import type { Edit, Sheet } from "../answer/sheet"
import type { Marking } from "../stage/marking"

/** What a project asks of a person. */
export type Rules = {
  categories: readonly Category[]
  mode: Mode
  /** How many points a category wants before the next one's turn. */
  pointsPerCategory: number
  grid: Grid
}

/** What keys do to the answer. */
export type Answering = {
  /** Null while there is no image. */
  sheet: () => Sheet | null
  edit: Edit
  /** Says what to do first, where it is nobody's turn. */
  sayNoTurn: () => void
}

/** How far a category is, in its row of the panel. */
export type Standing = {
  Icon: ComponentType<{ "aria-hidden": "true" }> | null
  words: string
  /** Said besides to somebody who does not see the icon. */
  unseen?: string
}

/** A way of answering: all that is done, or said, in another way than in other modes. */
export type Mode = {
  name: ModeName
  asksPoints: boolean
  /** Which of the commands that change places have a button. */
  tools: readonly ("remove" | "refute")[]
  /** What a category's key does, in words. */
  pressing: string
  /** A category's key or button. */
  pressed: (sheet: Sheet, category: string, rules: Rules) => Sheet
  /** Keys besides those of categories and commands. */
  keys: (rules: Rules, answer: Answering) => readonly Shortcut[]
  /** What some of them do, in words. */
  keyHelp: (rules: Rules) => readonly { label: string; chords: readonly string[] }[]
  /** How places are marked on the image. */
  marking: Marking
  /** What was placed last, or is selected, is taken away. */
  steppedBack: (sheet: Sheet) => Sheet
  /** Whether a click on the image is a point of the active category now. */
  takesClicks: (sheet: Sheet) => boolean
  /** The categories in the order of their turns. */
  turns: (sheet: Sheet, rules: Rules) => readonly string[]
  /** Whether tags are given first and the points of this image are still to come. */
  isBeforePoints: (sheet: Sheet) => boolean
  /** What is known of an image before anybody answers. */
  sheetOf: (given: Given, rules: Rules) => Sheet
  /** What is submitted besides lists of categories. */
  placesIn: (sheet: Sheet, present: readonly string[], rules: Rules) => Places
  /** Of a category that is not in doubt; null where there is nothing to say. */
  standing: (sheet: Sheet, category: string, rules: Rules) => Standing | null
  /** What a person is to do. */
  hint: (sheet: Sheet) => string
  /** What to do first, where a click on the image is nobody's. */
  noTurn: (sheet: Sheet) => string
  /** What the later sheet answers otherwise, for somebody who does not see it; null for nothing. */
  change: (before: Sheet, after: Sheet, rules: Rules) => string | null
  /** Whose turn it is, for somebody who does not see it; null where there are no turns. */
  turn: (sheet: Sheet) => string | null
}
