import type { RunDetail } from "@/api/runs"
import { Card } from "@/components/layout"
import { flattenConfig } from "./flat-config"
import styles from "./runs.module.css"

/** The complete configuration, with what differs from the recipe standing out. */
export function RunConfig({ run }: { run: RunDetail }) {
  return (
    <Card>
      <details>
        <summary className={styles.summary}>Configuration</summary>
        <dl className={styles.config}>
          {flattenConfig(run.config).map(([name, value]) => (
            <div key={name} data-overridden={Object.hasOwn(run.overrides, name) || undefined}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </Card>
  )
}
