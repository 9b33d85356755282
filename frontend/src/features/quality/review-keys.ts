import { useEffect, useRef } from "react"

/** What a review's keys do: take all that one person said, set one category, go on. */
export type ReviewCommand =
  | { kind: "take"; person: number }
  | { kind: "answer"; category: string }
  | { kind: "submit" }
  | { kind: "later" }

/** Where Enter presses something. */
const PRESSED_BY_ENTER = "a[href], button, summary"
const OWN_KEYS = "input, select, textarea, dialog, [role=menu]"

/** @param keys keys by category name */
export function commandOf(
  { key, target }: Pick<KeyboardEvent, "key" | "target">,
  keys: Readonly<Record<string, string>>,
): ReviewCommand | null {
  const element = target instanceof Element ? target : null
  if (element?.closest(OWN_KEYS)) return null
  if (key === "ArrowLeft") return { kind: "take", person: 0 }
  if (key === "ArrowRight") return { kind: "take", person: 1 }
  if (key === ".") return { kind: "later" }
  if (key === "Enter") return element?.closest(PRESSED_BY_ENTER) ? null : { kind: "submit" }
  const category = Object.keys(keys).find((name) => keys[name] === key.toLowerCase())
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
      const isChord = event.altKey || event.ctrlKey || event.metaKey
      if (isChord || event.repeat || event.isComposing) return
      const command = commandOf(event, keys)
      if (!command) return
      event.preventDefault()
      latest.current(command)
    }
    window.addEventListener("keydown", press)
    return () => window.removeEventListener("keydown", press)
  }, [keys])
}
