import { useEffect, useEffectEvent, useState } from "react"
import { messageOf } from "@/api/client"
import type { Category } from "@/api/projects"
import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import { chordsOf } from "@/lib/keys"
import type { Keys } from "../loop/transport"
import { KeyCap } from "../shared/key-cap"
import styles from "./key-editor.module.css"
import { chooseKeys, resetKeys } from "./own-keys"
import { holderOf, keyAmong, rekeyed } from "./remap"

type KeyEditorProps = {
  projectId: number
  /** With the keys that this person has now. */
  categories: readonly Category[]
  onChange: (keys: Keys) => void
}

type Asking = { category: string; conflict: { taken: string; holder: string } | null }

/** Every category's key, to be changed by pressing it and then the key that is wanted. */
export function KeyEditor({ projectId, categories, onChange }: KeyEditorProps) {
  const [asking, setAsking] = useState<Asking | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const keys = keysBy(categories)
  const save = async (change: Promise<Keys>) => {
    setAsking(null)
    setProblem(null)
    await change.then(onChange, (error) => setProblem(messageOf(error)))
  }
  const choose = (category: string, key: string) =>
    save(chooseKeys(projectId, rekeyed(keys, category, key)))
  const press = useEffectEvent((event: KeyboardEvent) => {
    const key = keyAmong(chordsOf(event))
    if (!asking || key === null) return
    event.preventDefault()
    const holder = holderOf(key, asking.category, keys)
    if (holder === null) void choose(asking.category, key)
    else setAsking({ ...asking, conflict: { taken: key, holder } })
  })
  useEffect(() => {
    window.addEventListener("keydown", press)
    return () => window.removeEventListener("keydown", press)
  }, [])
  return (
    <div className={styles.editor}>
      {problem && <Notice tone="bad">{problem}</Notice>}
      <ul className={styles.list}>
        {categories.map(({ id, name, key }) => (
          <li key={id}>
            <button
              type="button"
              className={styles.choice}
              aria-pressed={asking?.category === name}
              onClick={() => setAsking({ category: name, conflict: null })}
            >
              <span className={styles.name}>{name}</span>
              {asking?.category === name ? <em>press a key</em> : <Key chord={key} />}
            </button>
          </li>
        ))}
      </ul>
      <div className={styles.foot} role="status">
        {asking?.conflict ? (
          <Conflict
            {...asking.conflict}
            category={asking.category}
            onSwap={(key) => void choose(asking.category, key)}
          />
        ) : (
          <span>
            Press a category, then the letter or digit that you want for it, of any alphabet.
          </span>
        )}
      </div>
      <Button onClick={() => void save(resetKeys(projectId))}>Back to the project's keys</Button>
    </div>
  )
}

function Key({ chord }: { chord: string | null }) {
  return chord === null ? <span className={styles.none}>no key</span> : <KeyCap chord={chord} />
}

type ConflictProps = {
  category: string
  taken: string
  holder: string
  onSwap: (key: string) => void
}

function Conflict({ category, taken, holder, onSwap }: ConflictProps) {
  return (
    <>
      <span>
        <KeyCap chord={taken} /> is the key of <strong>{holder}</strong>.
      </span>
      <Button onClick={() => onSwap(taken)}>Give it to {category}</Button>
    </>
  )
}

function keysBy(categories: readonly Category[]): Keys {
  const known = categories.flatMap(({ name, key }) => (key === null ? [] : [[name, key] as const]))
  return Object.fromEntries(known)
}
