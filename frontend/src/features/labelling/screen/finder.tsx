import { Search } from "lucide-react"
import { type KeyboardEvent, useState } from "react"
import type { Category } from "@/api/projects"
import { folded, isComposition } from "@/lib/keys"
import styles from "./finder.module.css"

/** The categories whose name has the words, those that begin with them first. */
export function found(categories: readonly Category[], words: string): readonly Category[] {
  const wanted = folded(words.trim())
  if (!wanted) return categories
  const named = categories.filter(({ name }) => folded(name).includes(wanted))
  const rank = ({ name }: Category) => Number(!folded(name).startsWith(wanted))
  return named.toSorted((one, other) => rank(one) - rank(other))
}

type FinderProps = {
  words: string
  onWords: (words: string) => void
  /** Tick, or with Shift doubt, the first that is found. */
  onChoose: (isDoubt: boolean) => void
  onClose: () => void
}

/** Typing instead of a key, for categories that have none. */
export function Finder({ words, onWords, onChoose, onClose }: FinderProps) {
  const press = (event: KeyboardEvent) => {
    if (isComposition(event.nativeEvent)) return
    if (event.key === "Enter") onChoose(event.shiftKey)
    else if (event.key !== "Escape") return
    event.preventDefault()
    onClose()
  }
  return (
    <label className={styles.finder} data-finder>
      <Search aria-hidden="true" />
      <input
        // biome-ignore lint/a11y/noAutofocus: it was asked for, to type at once
        autoFocus
        type="text"
        aria-label="Find a category"
        placeholder="Find a category, Enter ticks it"
        autoComplete="off"
        maxLength={100}
        value={words}
        onChange={(event) => onWords(event.target.value)}
        onKeyDown={press}
        onBlur={onClose}
      />
    </label>
  )
}

/** The words that are typed, as long as something is looked for. */
export function useFinder(categories: readonly Category[], isFinding: boolean) {
  const [words, setWords] = useState("")
  const shown = isFinding ? found(categories, words) : categories
  return { words, setWords, shown }
}
