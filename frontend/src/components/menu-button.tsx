import { ChevronDown } from "lucide-react"
import type { ReactNode } from "react"
import { Button as AriaButton } from "react-aria-components"
import { buttonLook } from "./button"

type MenuButtonProps = { label: string; children: ReactNode }

/** The trigger of a `Menu`, in the look of a secondary button. */
export function MenuButton({ label, children }: MenuButtonProps) {
  return (
    <AriaButton className={buttonLook("secondary")} aria-label={label}>
      {children}
      <ChevronDown aria-hidden="true" />
    </AriaButton>
  )
}
