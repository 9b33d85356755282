import type { CommandRow } from "@/lib/commands"
import styles from "./help.module.css"
import { KeyCap } from "./key-cap"

type KeyLineProps = { label: string; chords: readonly string[]; joint: string }

/** What some keys do. */
export function KeyLine({ label, chords, joint }: KeyLineProps) {
  return (
    <div className={styles.line}>
      <dt>{label}</dt>
      <dd>
        {chords.map((chord, index) => (
          <span key={chord}>
            {index > 0 && <span className={styles.joint}>{joint}</span>}
            <KeyCap chord={chord} />
          </span>
        ))}
      </dd>
    </div>
  )
}

/** Commands with their keys, a section a group. */
export function KeyGroups({ commands }: { commands: readonly CommandRow[] }) {
  const groups = [...new Set(commands.map((command) => command.group))]
  return groups.map((group) => (
    <section key={group}>
      <h3>{group}</h3>
      <dl>
        {commands
          .filter((command) => command.group === group)
          .map((command) => (
            <KeyLine key={command.id} label={command.label} chords={command.keys} joint="or" />
          ))}
      </dl>
    </section>
  ))
}
