import { createLink } from "@tanstack/react-router"
import type { AnchorHTMLAttributes, ReactNode } from "react"
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components"
import styles from "./button.module.css"
import { classNames } from "./class-names"

type Look = {
  variant?: "primary" | "secondary" | "quiet" | "danger"
  size?: "default" | "large" | "icon"
}

const look = ({ variant = "secondary", size = "default" }: Look, extra?: string): string =>
  classNames(styles.button, styles[variant], size !== "default" && styles[size], extra)

type ButtonProps = Omit<AriaButtonProps, "className" | "children"> &
  Look & { children: ReactNode; className?: string }

/** While `isPending` it stays focusable, shows that it works, and cannot be pressed again. */
export function Button({ variant, size, className, children, ...rest }: ButtonProps) {
  return (
    <AriaButton {...rest} className={look(pickLook(variant, size), className)}>
      {rest.isPending && <span className={styles.spinner} aria-hidden="true" />}
      {children}
    </AriaButton>
  )
}

type AnchorProps = AnchorHTMLAttributes<HTMLAnchorElement> & Look

/** A link outside the app's pages (a file, an export) that looks like a button. */
export function AnchorButton({ variant, size, className, children, ...rest }: AnchorProps) {
  return (
    <a {...rest} className={look(pickLook(variant, size), className)}>
      {children}
    </a>
  )
}

/** A link to a page of the app that looks like a button. */
export const LinkButton = createLink(AnchorButton)

function pickLook(variant: Look["variant"], size: Look["size"]): Look {
  return { ...(variant && { variant }), ...(size && { size }) }
}
