import type { Category } from "@/api/projects"
import type { Shortcut } from "@/lib/commands"

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
