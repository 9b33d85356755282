import { useEffect, useRef } from "react"
import { chordsOf } from "@/lib/keys"

/** What a review's keys do: take all that one person said, set one category, go on. */
export type ReviewCommand =
  | { kind: "take"; person: number }
  | { kind: "answer"; category: string }
  | { kind: "submit" }
  | { kind: "later" }

/** Where Enter presses something. */
const PRESSED_BY_ENTER = "a[href], button, summary"
const OWN_KEYS = "input, select, textarea, dialog, [role=menu]"

const COMMANDS: Readonly<Record<string, ReviewCommand>> = {
  ArrowLeft: { kind: "take", person: 0 },
  ArrowRight: { kind: "take", person: 1 },
  Enter: { kind: "submit" },
  ".": { kind: "later" },
}

/** @param keys keys by category name */
export function commandOf(
  event: KeyboardEvent,
  keys: Readonly<Record<string, string>>,
): ReviewCommand | null {
  const element = event.target instanceof Element ? event.target : null
  if (element?.closest(OWN_KEYS)) return null
  if (event.key === "Enter" && element?.closest(PRESSED_BY_ENTER)) return null
  const meant = chordsOf(event).map((chord) => COMMANDS[chord] ?? answerBy(chord, keys))
  return meant.find((command) => command !== null) ?? null
}

function answerBy(chord: string, keys: Readonly<Record<string, string>>): ReviewCommand | null {
  const key = chord.replace("Shift+", "")
  const category = Object.keys(keys).find((name) => keys[name] === key)
  return category === undefined ? null : { kind: "answer", category }
}

/** Listens to the whole page. */
export function useReviewKeys(
  keys: Readonly<Record<string, string>>,
  run: (command: ReviewCommand) => void,
): void {
  const latest = useRef(run)
  useEffect(() => {
    latest.current = run
  })
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const command = event.repeat ? null : commandOf(event, keys)
      if (!command) return
      event.preventDefault()
      latest.current(command)
    }
    window.addEventListener("keydown", press)
    return () => window.removeEventListener("keydown", press)
  }, [keys])
}
