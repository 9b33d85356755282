import type { Category } from "@/api/projects"
import type { Shortcut } from "@/lib/commands"
import type { Grid } from "../answer/geometry"

type Handlers = {
  /** A category's key went down. */
  hold: (category: string) => void
  /** It was let go; not meant when the page lost the keyboard meanwhile. */
  letGo: (category: string, isMeant: boolean) => void
  doubt: (category: string) => void
}

export const categoryKeys = (categories: readonly Category[], handlers: Handlers): Shortcut[] =>
  categories.flatMap(({ name, key }) => {
    if (key === null) return []
    const tick = {
      keys: [key],
      run: () => handlers.hold(name),
      release: (isMeant: boolean) => handlers.letGo(name, isMeant),
    }
    return [tick, { keys: [`Shift+${key}`], run: () => handlers.doubt(name) }]
  })

const PAD = ["789", "456", "123"].map((row) => [...row].map((digit) => `Numpad${digit}`))

/** Up to 3 x 3 tiles lie on the numeric keypad. */
export function tileKeys({ rows, cols }: Grid, press: (tile: number) => void): Shortcut[] {
  if (rows > PAD.length || cols > PAD.length) return []
  const keys = PAD.slice(0, rows).flatMap((row) => row.slice(0, cols))
  return keys.map((key, tile) => ({ keys: [key], run: () => press(tile) }))
}
