import type { ReactNode } from "react"
import { classNames } from "./class-names"
import styles from "./layout.module.css"

type PageProps = { children: ReactNode; narrow?: boolean }

export function Page({ children, narrow = false }: PageProps) {
  return <div className={classNames(styles.page, narrow && styles.narrow)}>{children}</div>
}

type PageHeadingProps = { title: ReactNode; subtitle?: ReactNode; actions?: ReactNode }

export function PageHeading({ title, subtitle, actions }: PageHeadingProps) {
  return (
    <div className={styles.heading}>
      <div className={styles.titles}>
        <h1>{title}</h1>
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
