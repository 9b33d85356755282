import type { ReactNode } from "react"
import { useDocumentTitle } from "@/lib/use-document-title"
import styles from "./layout.module.css"

export function Page({ children }: { children: ReactNode }) {
  return <div className={styles.page}>{children}</div>
}

type PageHeadingProps = {
  title: string
  /** Beside the title, such as a state. */
  mark?: ReactNode
  subtitle?: ReactNode
  actions?: ReactNode
}

/** The head of a page, which also names the browser's tab. */
export function PageHeading({ title, mark, subtitle, actions }: PageHeadingProps) {
  useDocumentTitle(title)
  return (
    <div className={styles.heading}>
      <div className={styles.titles}>
        <h1>
          {title}
          {mark}
        </h1>
        {subtitle && <div className={styles.subtitle}>{subtitle}</div>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  )
}

type CardProps = { title?: ReactNode; aside?: ReactNode; children: ReactNode }

export function Card({ title, aside, children }: CardProps) {
  return (
    <section className={styles.card}>
      {(title || aside) && (
        <div className={styles.cardhead}>
          <h2>{title}</h2>
          {aside}
        </div>
      )}
      {children}
    </section>
  )
}

type SectionProps = { title: ReactNode; aside?: ReactNode; children: ReactNode }

/** A titled part of a page whose content brings its own frame. */
export function Section({ title, aside, children }: SectionProps) {
  return (
    <section className={styles.section}>
      <div className={styles.cardhead}>
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

type FormSectionProps = { title: string; hint?: ReactNode; children: ReactNode }

/** A part of a form: what it is about on the left, its fields on the right. */
export function FormSection({ title, hint, children }: FormSectionProps) {
  return (
    <section className={styles.formsection}>
      <div className={styles.about}>
        <h2>{title}</h2>
        {hint && <p>{hint}</p>}
      </div>
      <div className={styles.card}>{children}</div>
    </section>
  )
}

/** Pairs of a name and a value. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
