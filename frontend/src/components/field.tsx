import { type InputHTMLAttributes, type ReactNode, useId } from "react"
import { classNames } from "./class-names"
import styles from "./field.module.css"

type Native = Pick<
  InputHTMLAttributes<HTMLInputElement>,
  "autoComplete" | "inputMode" | "maxLength" | "minLength" | "name" | "placeholder" | "type"
>

type FieldProps = Native & {
  label: string
  value: string
  onChange?: (value: string) => void
  isRequired?: boolean
  isReadOnly?: boolean
  /** Where a dialog puts the focus when it opens. */
  autoFocus?: boolean
  description?: ReactNode
  /** What is wrong with the value; null when nothing is. */
  error?: string | null
  lines?: "one" | "many"
}

/** A labelled line (or box) of text with its description and its error below it. */
export function TextField(props: FieldProps) {
  const { label, value, onChange, description, error, lines = "one", ...rest } = props
  const { isRequired, isReadOnly, autoFocus, ...native } = rest
  const id = useId()
  const notesId = `${id}notes`
  const common = {
    id,
    value,
    required: isRequired,
    readOnly: isReadOnly,
    "data-autofocus": autoFocus || undefined,
    "aria-invalid": error ? true : undefined,
    "aria-describedby": description || error ? notesId : undefined,
  }
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      {lines === "one" ? (
        <input
          {...native}
          {...common}
          className={styles.input}
          onChange={(event) => onChange?.(event.target.value)}
        />
      ) : (
        <textarea
          {...common}
          maxLength={native.maxLength}
          className={classNames(styles.input, styles.area)}
          onChange={(event) => onChange?.(event.target.value)}
        />
      )}
      <FieldNotes id={notesId} description={description} error={error} />
    </div>
  )
}

type FieldNotesProps = { id: string; description: ReactNode; error: string | null | undefined }

/** What stands below a field; the field refers to it by its id. */
export function FieldNotes({ id, description, error }: FieldNotesProps) {
  if (!description && !error) return null
  return (
    <div id={id}>
      {description && <p className={styles.description}>{description}</p>}
      {error && <p className={styles.error}>{error}</p>}
    </div>
  )
}
