import type { LabelImportResult, RejectedLabel } from "@/api/label-files"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { formatCount, formatPlural } from "@/lib/format"
import styles from "./import.module.css"

const LISTED = 200

/** What came of an import of labels: what was passed over, and every rejected label with why. */
export function LabelResultView({ result }: { result: LabelImportResult }) {
  const { imported, skipped, rejected, ignored } = result
  const passedOver = Object.entries(ignored)
  return (
    <>
      <Notice tone={rejected.length > 0 ? "warn" : "good"}>
        <strong>
          {formatPlural(imported, "label")} imported
          {skipped > 0 && `, ${formatCount(skipped)} known already`}
          {rejected.length > 0 && `, ${formatCount(rejected.length)} rejected`}
        </strong>
        {passedOver.length > 0 && (
          <div>
            Passed over:
            <ul className={styles.list}>
              {passedOver.map(([kind, count]) => (
                <li key={kind}>
                  {kind} ({formatCount(count)})
                </li>
              ))}
            </ul>
          </div>
        )}
      </Notice>
      {rejected.length > 0 && <Rejected rejected={rejected} />}
    </>
  )
}

function Rejected({ rejected }: { rejected: readonly RejectedLabel[] }) {
  const rows = rejected.slice(0, LISTED).map((label, index) => ({ ...label, index }))
  return (
    <>
      <Table
        label="Rejected labels"
        rows={rows}
        keyOf={(label) => label.index}
        columns={[
          { key: "name", title: "Rejected label", kind: "long", cell: placeOf },
          { key: "reason", title: "Reason", kind: "long", cell: (label) => label.reason },
        ]}
      />
      {rejected.length > LISTED && (
        <p className={styles.hint}>and {formatCount(rejected.length - LISTED)} more</p>
      )}
    </>
  )
}

const placeOf = ({ name, line }: RejectedLabel): string =>
  line === null ? name : `${name} (line ${line})`
