import { Plus, X } from "lucide-react"
import { Button } from "@/components/button"
import type { OverrideRow } from "./overrides"
import styles from "./runs.module.css"

type OverrideEditorProps = {
  rows: readonly OverrideRow[]
  onChange: (rows: readonly OverrideRow[]) => void
  problems: Record<number, string>
}

/** Fields of the configuration that differ from the recipe, one a line. */
export function OverrideEditor({ rows, onChange, problems }: OverrideEditorProps) {
  const add = () =>
    onChange([...rows, { id: 1 + Math.max(-1, ...rows.map(({ id }) => id)), name: "", value: "" }])
  const replace = (changed: OverrideRow) =>
    onChange(rows.map((row) => (row.id === changed.id ? changed : row)))
  return (
    <div className={styles.overrides}>
      <h3>Overrides</h3>
      <p className={styles.meta}>
        Fields of the recipe to change for this run, such as <code>steps</code> = 300 or{" "}
        <code>weights.point</code> = 0.5.
      </p>
      {rows.map((row, index) => (
        <div key={row.id} className={styles.override}>
          <input
            className={styles.text}
            aria-label={`Field ${index + 1}`}
            aria-invalid={row.id in problems}
            placeholder="field"
            spellCheck={false}
            value={row.name}
            onChange={(event) => replace({ ...row, name: event.target.value })}
          />
          <input
            className={styles.text}
            aria-label={`Value ${index + 1}`}
            aria-invalid={row.id in problems}
            placeholder="value"
            spellCheck={false}
            value={row.value}
            onChange={(event) => replace({ ...row, value: event.target.value })}
          />
          <Button
            variant="quiet"
            size="icon"
            aria-label={`Remove override ${index + 1}`}
            onClick={() => onChange(rows.filter(({ id }) => id !== row.id))}
          >
            <X />
          </Button>
          {problems[row.id] && <p>{problems[row.id]}</p>}
        </div>
      ))}
      <div>
        <Button onClick={add}>
          <Plus aria-hidden="true" />
          Add override
        </Button>
      </div>
    </div>
  )
}
