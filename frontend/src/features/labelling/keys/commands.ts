import type { Category } from "@/api/projects"

/** What a person can do besides ticking categories. Keys, toolbar and help read this table. */
export const COMMANDS = [
  { id: "submit", group: "Going on", label: "Save and go on", keys: ["Enter", "Space"] },
  { id: "skip", group: "Going on", label: "Skip, with a reason", keys: ["."], spare: ["s"] },
  {
    id: "back",
    group: "Going on",
    label: "Back to the image before",
    keys: ["ArrowLeft"],
    spare: ["z"],
  },
  { id: "forward", group: "Going on", label: "Forward again", keys: ["ArrowRight"] },
  { id: "leave", group: "Going on", label: "Leave an earlier image as it was", keys: ["Escape"] },
  { id: "undo", group: "Answer", label: "Undo", keys: ["Ctrl+z"], spare: ["u"], repeats: true },
  { id: "redo", group: "Answer", label: "Redo", keys: ["Ctrl+Shift+z", "Ctrl+y"], repeats: true },
  {
    id: "remove",
    group: "Answer",
    label: "Remove the selected or last point",
    keys: ["Backspace", "Delete"],
    needs: "points",
  },
  {
    id: "hide",
    group: "Image",
    label: "Hide the prediction while held",
    keys: [","],
    spare: ["h"],
    needs: "overlay",
    held: true,
  },
  {
    id: "stronger",
    group: "Image",
    label: "Stronger prediction",
    keys: ["ArrowUp"],
    needs: "overlay",
    repeats: true,
  },
  {
    id: "weaker",
    group: "Image",
    label: "Weaker prediction",
    keys: ["ArrowDown"],
    needs: "overlay",
    repeats: true,
  },
  { id: "zoom-in", group: "Image", label: "Zoom in", keys: ["+", "="], repeats: true },
  { id: "zoom-out", group: "Image", label: "Zoom out", keys: ["-"], repeats: true },
  { id: "fit", group: "Image", label: "Whole image", keys: ["Home"], spare: ["f", "0"] },
  { id: "help", group: "Help", label: "Show all keys", keys: ["?"] },
] as const satisfies readonly CommandShape[]

type CommandShape = {
  id: string
  group: string
  label: string
  /** Never a letter or digit alone: those belong to the categories. */
  keys: readonly string[]
  /** Letters and digits that work as well where no category of the project has them. */
  spare?: readonly string[]
  /** Offered only where the project has it. */
  needs?: "points" | "overlay"
  /** Goes on while the key is down, and ends when it is let go. */
  held?: boolean
  /** May repeat while the key is down. */
  repeats?: boolean
}

export type CommandId = (typeof COMMANDS)[number]["id"]
export type Command = CommandShape & { id: CommandId }

/** What a key does. */
export type Binding =
  | { kind: "command"; command: Command }
  | { kind: "tick"; category: Category }
  | { kind: "doubt"; category: Category }

export type Keymap = ReadonlyMap<string, Binding>

/** Every key of a project's labelling page. A category's letter goes before a command's spare. */
export function keymapOf(categories: readonly Category[]): Keymap {
  const map = new Map<string, Binding>()
  for (const category of categories) {
    map.set(category.key, { kind: "tick", category })
    map.set(`Shift+${category.key}`, { kind: "doubt", category })
  }
  const commands: readonly Command[] = COMMANDS
  for (const command of commands) {
    for (const key of command.keys) map.set(key, { kind: "command", command })
    for (const key of command.spare ?? []) {
      if (!map.has(key)) map.set(key, { kind: "command", command })
    }
  }
  return map
}

/** The keys of a command in this project, the surest first. */
export function keysOf(id: CommandId, keymap: Keymap): string[] {
  return [...keymap]
    .filter(([, binding]) => binding.kind === "command" && binding.command.id === id)
    .map(([key]) => key)
}

type Pressed = Pick<
  KeyboardEvent,
  "key" | "code" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "getModifierState"
>

/** What was pressed, as it stands in the table; null for what belongs to the browser. */
export function chordOf(event: Pressed): string | null {
  const isTyped = event.getModifierState("AltGraph")
  if (event.altKey && !isTyped) return null
  const control = (event.ctrlKey || event.metaKey) && !isTyped ? "Ctrl+" : ""
  return control + shifted(event)
}

/** A sign that needs Shift is that sign; Shift counts with letters and digits. */
function shifted({ key, code, shiftKey }: Pressed): string {
  if (key === " ") return "Space"
  const digit = /^Digit(\d)$/.exec(code)?.[1]
  if (shiftKey && digit && !/^[\d?+.,=-]$/.test(key)) return `Shift+${digit}`
  const isLetter = /^\p{L}$/u.test(key)
  return shiftKey && isLetter ? `Shift+${key.toLowerCase()}` : isLetter ? key.toLowerCase() : key
}

const SIGNS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backspace: "⌫",
  Delete: "Del",
  Escape: "Esc",
  Enter: "Enter",
  "-": "−",
}

/** A chord as it is drawn on a key cap. */
export function capOf(chord: string): string {
  return chord
    .split(/(?<=.)\+(?=.)/)
    .map((part) => SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" + ")
}
