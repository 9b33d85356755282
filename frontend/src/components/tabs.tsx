import { createLink } from "@tanstack/react-router"
import type { AnchorHTMLAttributes, ReactNode } from "react"
import styles from "./tabs.module.css"

type TabsProps = { label: string; children: ReactNode }

/** Pages of one thing beside each other; each tab is a link. */
export function Tabs({ label, children }: TabsProps) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {children}
    </nav>
  )
}

function TabAnchor({ children, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <a {...rest} className={styles.tab}>
      {children}
    </a>
  )
}

export const Tab = createLink(TabAnchor)
