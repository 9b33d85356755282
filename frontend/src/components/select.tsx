import { ChevronDown } from "lucide-react"
import { type ReactNode, useId } from "react"
import { FieldNotes } from "./field"
import field from "./field.module.css"
import styles from "./select.module.css"

export type Option<Value extends string> = {
  value: Value
  label: string
  /** Shown below the field while this option is chosen. */
  description?: string | undefined
  disabled?: boolean
}

type SelectProps<Value extends string> = {
  label: string
  options: readonly Option<Value>[]
  value: Value
  onChange: (value: Value) => void
  description?: ReactNode
  error?: string | null
}

/** The browser's own list of choices, which suits keyboards, fingers and screen readers best. */
export function Select<Value extends string>(props: SelectProps<Value>) {
  const { label, options, value, onChange, error } = props
  const id = useId()
  const notesId = `${id}notes`
  const chosen = options.find((option) => option.value === value)
  const choose = (wanted: string) => {
    const option = options.find((candidate) => candidate.value === wanted)
    if (option) onChange(option.value)
  }
  return (
    <div className={field.field}>
      <label className={field.label} htmlFor={id}>
        {label}
      </label>
      <div className={styles.frame}>
        <select
          id={id}
          className={styles.select}
          value={value}
          aria-describedby={notesId}
          aria-invalid={error ? true : undefined}
          onChange={(event) => choose(event.target.value)}
        >
          {!chosen && <option value={value}>{value}</option>}
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
        <ChevronDown aria-hidden="true" />
      </div>
      <FieldNotes
        id={notesId}
        description={chosen?.description ?? props.description}
        error={error}
      />
    </div>
  )
}
