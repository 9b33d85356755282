import { ChevronDown } from "lucide-react"
import type { ReactNode } from "react"
import {
  Select as AriaSelect,
  Button,
  FieldError,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  SelectValue,
  Text,
} from "react-aria-components"
import field from "./field.module.css"
import popover from "./popover.module.css"
import styles from "./select.module.css"

export type Option<Value extends string> = {
  value: Value
  label: string
  description?: string | undefined
  disabled?: boolean
}

type SelectProps<Value extends string> = {
  label: string
  options: readonly Option<Value>[]
  value: Value | null
  onChange: (value: Value) => void
  placeholder?: string
  description?: ReactNode
  error?: string | null
}

export function Select<Value extends string>(props: SelectProps<Value>) {
  const { label, options, value, onChange, description, error } = props
  return (
    <AriaSelect
      className={field.field ?? ""}
      value={value}
      placeholder={props.placeholder ?? "Choose"}
      isInvalid={Boolean(error)}
      onChange={(key) => {
        const option = options.find((candidate) => candidate.value === key)
        if (option) onChange(option.value)
      }}
    >
      <Label className={field.label ?? ""}>{label}</Label>
      <Button className={styles.button ?? ""}>
        <SelectValue className={styles.value ?? ""} />
        <ChevronDown aria-hidden="true" />
      </Button>
      {description && (
        <Text slot="description" className={field.description ?? ""}>
          {description}
        </Text>
      )}
      <FieldError className={field.error ?? ""}>{error}</FieldError>
      <Popover className={popover.popover ?? ""}>
        <ListBox className={popover.list ?? ""} items={options}>
          {(option) => <SelectOption option={option} />}
        </ListBox>
      </Popover>
    </AriaSelect>
  )
}

function SelectOption({ option }: { option: Option<string> }) {
  return (
    <ListBoxItem
      id={option.value}
      textValue={option.label}
      isDisabled={option.disabled ?? false}
      className={popover.option ?? ""}
    >
      <Text slot="label" className={popover.name ?? ""}>
        {option.label}
      </Text>
      {option.description && (
        <Text slot="description" className={popover.description ?? ""}>
          {option.description}
        </Text>
      )}
    </ListBoxItem>
  )
}
