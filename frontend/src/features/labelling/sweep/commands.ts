import type { RefObject } from "react"
import { type CommandRow, type Commands, commandsOf } from "@/lib/commands"
import { doubted, flipped, toggled } from "./marks"
import { columnsOf } from "./page-grid"
import type { Sweep } from "./sweep"

/** What a person can do on a page of a sweep. Keys, toolbar and help read this table. */
export const SWEEP_COMMANDS = [
  { id: "mark", group: "Answer", label: "Is it there? Change the answer", keys: ["Space"] },
  { id: "doubt", group: "Answer", label: "Not sure", keys: ["u"] },
  {
    id: "flip",
    group: "Answer",
    label: "Change what images are answered as that you leave alone",
    keys: ["f"],
  },
  { id: "submit", group: "Going on", label: "Save the page and go on", keys: ["Enter"] },
  { id: "back", group: "Going on", label: "Back to the page before", keys: ["PageUp"] },
  { id: "forward", group: "Going on", label: "Forward again", keys: ["PageDown"] },
  { id: "left", group: "Images", label: "Image to the left", keys: ["ArrowLeft"], repeats: true },
  {
    id: "right",
    group: "Images",
    label: "Image to the right",
    keys: ["ArrowRight"],
    repeats: true,
  },
  { id: "up", group: "Images", label: "Image above", keys: ["ArrowUp"], repeats: true },
  { id: "down", group: "Images", label: "Image below", keys: ["ArrowDown"], repeats: true },
  { id: "first", group: "Images", label: "First image", keys: ["Home"] },
  { id: "last", group: "Images", label: "Last image", keys: ["End"] },
  { id: "enlarge", group: "Images", label: "See the image large, or small again", keys: ["e"] },
  { id: "shrink", group: "Images", label: "All images again", keys: ["Escape"] },
  { id: "flag", group: "Images", label: "Flag the image, with a word", keys: [":", "w"] },
  { id: "rules", group: "Help", label: "Rules of the project", keys: ["_", "r"] },
  { id: "help", group: "Help", label: "Show the keys", keys: ["?"] },
] as const satisfies readonly CommandRow[]

export type SweepCommands = Commands<(typeof SWEEP_COMMANDS)[number]["id"]>

type Parts = {
  sweep: Sweep
  grid: RefObject<HTMLElement | null>
  /** Asks for a word on the image that keys mean. */
  flag: () => void
  showHelp: () => void
  showRules: () => void
}

export function sweepCommands({ sweep, grid, flag, showHelp, showRules }: Parts): SweepCommands {
  const step = (by: number) => sweep.moveTo((sweep.snapshot().turn?.at ?? 0) + by)
  return commandsOf(SWEEP_COMMANDS, {
    mark: () => sweep.answerCurrent(toggled),
    doubt: () => sweep.answerCurrent(doubted),
    flip: () => sweep.turnRest(flipped),
    submit: () => void sweep.submit(),
    back: () => void sweep.back(),
    forward: () => void sweep.forward(),
    left: () => step(-1),
    right: () => step(1),
    up: () => step(-columnsOf(grid.current)),
    down: () => step(columnsOf(grid.current)),
    first: () => sweep.moveTo(0),
    last: () => sweep.moveTo((sweep.snapshot().turn?.page.images.length ?? 0) - 1),
    enlarge: () => sweep.enlarge(!sweep.snapshot().isLarge),
    shrink: () => sweep.enlarge(false),
    flag: () => sweep.snapshot().turn && flag(),
    rules: showRules,
    help: showHelp,
  })
}
