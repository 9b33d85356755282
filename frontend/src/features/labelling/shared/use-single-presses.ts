import { useEffect } from "react"

/** Enter that is held down presses a button once. Browsers press it again with each repetition. */
export function useSinglePresses(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const isOnButton = event.target instanceof Element && event.target.closest("button") !== null
      if (event.repeat && event.key === "Enter" && isOnButton) event.preventDefault()
    }
    window.addEventListener("keydown", press, { capture: true })
    return () => window.removeEventListener("keydown", press, { capture: true })
  }, [])
}
