import type { ReactElement, ReactNode } from "react"
import {
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  MenuTrigger,
  Popover,
} from "react-aria-components"
import { classNames } from "./class-names"
import styles from "./popover.module.css"

export type MenuEntry = {
  id: string
  label: string
  icon?: ReactNode
  description?: string
  isSelected?: boolean
  onAction: () => void
}

type MenuProps = {
  label: string
  trigger: ReactElement
  entries: readonly MenuEntry[]
  /** Above the entries, such as who is signed in. */
  head?: ReactNode
  placement?: "bottom start" | "bottom end"
}

export function Menu({ label, trigger, entries, head, placement = "bottom end" }: MenuProps) {
  return (
    <MenuTrigger>
      {trigger}
      <Popover className={styles.popover ?? ""} placement={placement}>
        {head}
        <AriaMenu aria-label={label} className={styles.list ?? ""}>
          {entries.map((entry) => (
            <AriaMenuItem
              key={entry.id}
              id={entry.id}
              textValue={entry.label}
              onAction={entry.onAction}
              className={classNames(
                styles.option,
                entry.icon ? styles.row : null,
                entry.isSelected && styles.current,
              )}
            >
              {entry.icon}
              <span className={styles.name}>{entry.label}</span>
              {entry.description && <span className={styles.description}>{entry.description}</span>}
            </AriaMenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}
