import { Button as AriaButton, type ButtonProps } from "react-aria-components"
import { buttonLook } from "./button"

type PickerButtonProps = Omit<ButtonProps, "className"> & { variant: "primary" | "secondary" }

/** The button inside a `FileTrigger` or another of react-aria's triggers. */
export function PickerButton({ variant, ...rest }: PickerButtonProps) {
  return <AriaButton {...rest} className={buttonLook(variant)} />
}
