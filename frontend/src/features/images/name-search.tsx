import { Search } from "lucide-react"
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import styles from "./gallery.module.css"

type NameSearchFieldProps = { name: string; onSearch: (name: string) => void }

const OWN_KEYS = "input, select, textarea, dialog, [contenteditable], [role=menu]"

/** Searches by a part of the name, when it is asked to: each search may look at all names. */
export function NameSearchField({ name, onSearch }: NameSearchFieldProps) {
  const [text, setText] = useState(name)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    const press = (event: globalThis.KeyboardEvent) => {
      const { key, altKey, ctrlKey, metaKey, target } = event
      if (key !== "/" || altKey || ctrlKey || metaKey) return
      if (target instanceof Element && target.closest(OWN_KEYS)) return
      event.preventDefault()
      form.current?.querySelector("input")?.focus()
    }
    window.addEventListener("keydown", press)
    return () => window.removeEventListener("keydown", press)
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (text !== name) onSearch(text)
  }
  const clear = () => {
    setText("")
    if (name) onSearch("")
  }
  const clearByKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || text === "") return
    event.preventDefault()
    clear()
  }
  return (
    <search>
      <form ref={form} className={styles.search} onSubmit={submit} onKeyDown={clearByKey}>
        <TextField
          label="Name contains"
          placeholder="Press / to search"
          type="search"
          autoComplete="off"
          maxLength={500}
          value={text}
          onChange={(next) => (next === "" ? clear() : setText(next))}
        />
        <Button type="submit">
          <Search aria-hidden="true" />
          Search
        </Button>
      </form>
    </search>
  )
}
