import { Dialog } from "@/components/dialog"
import { KeyCap } from "../screen/key-cap"
import styles from "./choice.module.css"
import { SWEEP_COMMANDS } from "./commands"

/** All keys of a sweep. */
export function SweepHelp({ onClose }: { onClose: () => void }) {
  const groups = [...new Set(SWEEP_COMMANDS.map((command) => command.group))]
  return (
    <Dialog title="Keys" isOpen onClose={onClose}>
      {groups.map((group) => (
        <section key={group} className={styles.keys}>
          <h3>{group}</h3>
          <dl>
            {SWEEP_COMMANDS.filter((command) => command.group === group).map((command) => (
              <div key={command.id}>
                <dt>{command.label}</dt>
                <dd>
                  <KeyCap chord={command.keys[0]} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}
