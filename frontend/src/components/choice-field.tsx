import { Check } from "lucide-react"
import type { ReactNode } from "react"
import {
  Checkbox as AriaCheckbox,
  RadioGroup as AriaRadioGroup,
  type CheckboxProps,
  Label,
  Radio,
} from "react-aria-components"
import styles from "./field.module.css"

type CheckFieldProps = Omit<CheckboxProps, "className" | "children"> & {
  label: string
  description?: ReactNode
}

export function CheckField({ label, description, ...rest }: CheckFieldProps) {
  return (
    <AriaCheckbox {...rest} className={styles.check ?? ""}>
      <span className={styles.box} aria-hidden="true">
        <Check strokeWidth={3} />
      </span>
      <span className={styles.texts}>
        <span className={styles.label}>{label}</span>
        {description && <span className={styles.description}>{description}</span>}
      </span>
    </AriaCheckbox>
  )
}

export type Choice<Value extends string> = {
  value: Value
  label: string
  description?: string
  /** Says the same without words. */
  picture?: ReactNode
}

type RadioCardsProps<Value extends string> = {
  label: string
  choices: readonly Choice<Value>[]
  value: Value
  onChange: (value: Value) => void
}

/** One of a few choices, each with room to say what it means. */
export function RadioCards<Value extends string>(props: RadioCardsProps<Value>) {
  const { label, choices, value, onChange } = props
  return (
    <AriaRadioGroup
      className={styles.group ?? ""}
      value={value}
      onChange={(chosen) => {
        const choice = choices.find((candidate) => candidate.value === chosen)
        if (choice) onChange(choice.value)
      }}
    >
      <Label className={styles.label ?? ""}>{label}</Label>
      <div className={styles.radios} data-even={choices.length % 2 === 0 || undefined}>
        {choices.map((choice) => (
          <Radio key={choice.value} value={choice.value} className={styles.radio ?? ""}>
            {choice.picture}
            <span className={styles.label}>{choice.label}</span>
            {choice.description && <span className={styles.description}>{choice.description}</span>}
          </Radio>
        ))}
      </div>
    </AriaRadioGroup>
  )
}
