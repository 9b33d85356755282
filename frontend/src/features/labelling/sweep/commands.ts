import { chordsOf } from "@/lib/keys"

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
  { id: "help", group: "Help", label: "Show the keys", keys: ["?"] },
] as const satisfies readonly CommandShape[]

type CommandShape = {
  id: string
  group: string
  label: string
  keys: readonly string[]
  /** May repeat while the key is down. */
  repeats?: boolean
}

export type SweepCommandId = (typeof SWEEP_COMMANDS)[number]["id"]
export type SweepCommand = CommandShape & { id: SweepCommandId }

const BY_KEY = new Map<string, SweepCommand>(
  SWEEP_COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])),
)

export function keyOf(id: SweepCommandId): string {
  return SWEEP_COMMANDS.find((command) => command.id === id)?.keys[0] ?? ""
}

/** What a key means; null when it is somebody else's. */
export function commandOf(event: KeyboardEvent): SweepCommandId | null {
  if (event.defaultPrevented) return null
  const command = chordsOf(event)
    .map((chord) => BY_KEY.get(chord))
    .find(Boolean)
  if (!command || isNeededBy(event.target, command.id)) return null
  return command.id
}

/** Keys that a key held down repeats without being meant. */
export const mayRepeat = (id: SweepCommandId): boolean =>
  SWEEP_COMMANDS.some((command) => command.id === id && "repeats" in command)

/** A field keeps its keys, a button or link what presses it. On an image they are the page's. */
function isNeededBy(target: EventTarget | null, id: SweepCommandId): boolean {
  if (!(target instanceof Element)) return false
  if (target.closest("input, select, textarea, dialog")) return true
  const isPress = id === "submit" || id === "mark"
  return isPress && target.closest("a, button:not([data-tile])") !== null
}
