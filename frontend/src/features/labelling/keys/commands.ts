import type { Category } from "@/api/projects"
import { type Action, type CommandRow, type Commands, commandsOf } from "@/lib/commands"

type Row = CommandRow & {
  /** Never a letter or digit alone: those belong to the categories. */
  keys: readonly string[]
  /** Letters and digits that work as well where no category of the person has them. */
  spare?: readonly string[]
  /** `places`: what is marked on the image. */
  needs?: "places" | "overlay"
}

/** What a person can do besides ticking categories. */
export const COMMANDS = [
  { id: "submit", group: "Going on", label: "Save and go on", keys: ["Enter", "Space"] },
  { id: "skip", group: "Going on", label: "Skip, with a reason", keys: ["."], spare: ["s"] },
  { id: "flag", group: "Going on", label: "Flag, with a word", keys: [":"], spare: ["w"] },
  {
    id: "back",
    group: "Going on",
    label: "Back to the image before",
    keys: ["ArrowLeft"],
    spare: ["z"],
  },
  { id: "forward", group: "Going on", label: "Forward again", keys: ["ArrowRight"] },
  { id: "leave", group: "Going on", label: "Leave an earlier image as it was", keys: ["Escape"] },
  { id: "find", group: "Answer", label: "Find a category by its name", keys: [";"] },
  { id: "undo", group: "Answer", label: "Undo", keys: ["Ctrl+z"], spare: ["u"], repeats: true },
  { id: "redo", group: "Answer", label: "Redo", keys: ["Ctrl+Shift+z", "Ctrl+y"], repeats: true },
  {
    id: "refute",
    group: "Answer",
    label: "Not here after all: the category whose turn it is",
    keys: ["End"],
    spare: ["n"],
    needs: "places",
  },
  {
    id: "remove",
    group: "Answer",
    label: "Step back: remove the selected or last point, or the category's tiles",
    keys: ["Backspace", "Delete"],
    needs: "places",
  },
  {
    id: "hide",
    group: "Prediction",
    label: "Hide the prediction while held",
    keys: [","],
    spare: ["h"],
    needs: "overlay",
  },
  {
    id: "single",
    group: "Prediction",
    label: "Show only the category under the cursor while held",
    keys: ["PageDown"],
    spare: ["o"],
    needs: "overlay",
  },
  {
    id: "previous",
    group: "Prediction",
    label: "Show the previous model's prediction while held",
    keys: ["PageUp"],
    spare: ["p"],
    needs: "overlay",
  },
  {
    id: "stronger",
    group: "Prediction",
    label: "Stronger prediction",
    keys: ["ArrowUp"],
    needs: "overlay",
    repeats: true,
  },
  {
    id: "weaker",
    group: "Prediction",
    label: "Weaker prediction",
    keys: ["ArrowDown"],
    needs: "overlay",
    repeats: true,
  },
  { id: "zoom-in", group: "Image", label: "Zoom in", keys: ["+", "="], repeats: true },
  { id: "zoom-out", group: "Image", label: "Zoom out", keys: ["-"], repeats: true },
  { id: "fit", group: "Image", label: "Whole image", keys: ["Home"], spare: ["f", "0"] },
  { id: "darker", group: "Image", label: "Less brightness", keys: ["["], repeats: true },
  { id: "brighter", group: "Image", label: "More brightness", keys: ["]"], repeats: true },
  { id: "flatter", group: "Image", label: "Less contrast", keys: ["{"], repeats: true },
  { id: "crisper", group: "Image", label: "More contrast", keys: ["}"], repeats: true },
  { id: "deeper", group: "Image", label: "Darker shadows (gamma)", keys: ["<"], repeats: true },
  { id: "lighter", group: "Image", label: "Lighter shadows (gamma)", keys: [">"], repeats: true },
  { id: "plain", group: "Image", label: "Colours as they are", keys: ["\\"] },
  { id: "rules", group: "Help", label: "Rules of the project", keys: ["_"], spare: ["r"] },
  { id: "help", group: "Help", label: "Show and change keys", keys: ["?"] },
] as const satisfies readonly Row[]

export type CommandId = (typeof COMMANDS)[number]["id"]
export type LabellingCommands = Commands<CommandId>

/** With the keys that they have beside these categories. */
export function labellingCommands(
  categories: readonly Category[],
  actions: Readonly<Record<CommandId, Action>>,
): LabellingCommands {
  const rows: readonly (Row & { id: CommandId })[] = COMMANDS
  const isFree = (key: string) => categories.every((category) => category.key !== key)
  const table = rows.map(({ spare = [], ...row }) => ({
    ...row,
    keys: [...row.keys, ...spare.filter(isFree)],
  }))
  return commandsOf(table, actions)
}
