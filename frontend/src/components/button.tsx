import { createLink } from "@tanstack/react-router"
import type { AnchorHTMLAttributes, ButtonHTMLAttributes } from "react"
import styles from "./button.module.css"
import { classNames } from "./class-names"

type Variant = "primary" | "secondary" | "quiet" | "danger"

type Look = { variant?: Variant; size?: "default" | "large" | "icon" }

const look = (variant: Variant, size: NonNullable<Look["size"]>, extra?: string): string =>
  classNames(styles.button, styles[variant], size !== "default" && styles[size], extra)

/** The class names of a button, for a component that is one without being ours. */
export const buttonLook = (variant: Variant): string => look(variant, "default")

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & Look & { isPending?: boolean }

/** While `isPending` it stays focusable, shows that it works, and cannot be pressed again. */
export function Button(props: ButtonProps) {
  const { variant = "secondary", size = "default", isPending = false, ...button } = props
  const { className, children, onClick, ...rest } = button
  return (
    <button
      type="button"
      {...rest}
      className={look(variant, size, className)}
      aria-disabled={isPending || rest.disabled || undefined}
      aria-busy={isPending || undefined}
      onClick={(event) => (isPending ? event.preventDefault() : onClick?.(event))}
    >
      {isPending && <span className={styles.spinner} aria-hidden="true" />}
      {children}
    </button>
  )
}

type AnchorProps = AnchorHTMLAttributes<HTMLAnchorElement> & Look

/** A link outside the app's pages (a file, an export) that looks like a button. */
export function AnchorButton(props: AnchorProps) {
  const { variant = "secondary", size = "default", className, children, ...rest } = props
  return (
    <a {...rest} className={look(variant, size, className)}>
      {children}
    </a>
  )
}

/** A link to a page of the app that looks like a button. */
export const LinkButton = createLink(AnchorButton)
