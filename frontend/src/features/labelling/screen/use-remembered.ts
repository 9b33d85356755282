import { useState } from "react"

/**
 * A setting that this device remembers. `read` makes a value of what was kept, which may be
 * anything by now, or null when nothing was.
 */
export function useRemembered<Value>(
  place: string,
  read: (kept: unknown) => Value,
): [Value, (value: Value) => void] {
  const [value, setValue] = useState(() => read(keptAt(place)))
  const change = (next: Value) => {
    setValue(next)
    localStorage.setItem(place, JSON.stringify(next))
  }
  return [value, change]
}

function keptAt(place: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "null")
  } catch {
    return null
  }
}
