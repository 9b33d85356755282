import type { LabelImportResult, MatchExample, RejectedLabel } from "@/api/label-files"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { formatCount, formatPlural } from "@/lib/format"
import styles from "./import.module.css"

const LISTED = 200

/** What came of an import of labels, or would: how images were found, and what was rejected and why. */
export function LabelResultView({ result }: { result: LabelImportResult }) {
  const { imported, replaced, skipped, rejected_total: total, ignored } = result
  const guessed = result.examples.filter((example) => example.matched_by !== "exact")
  const passedOver = Object.entries(ignored)
  return (
    <>
      <Notice tone={total > 0 ? "warn" : "good"}>
        <strong>
          {formatPlural(imported, "label")} {result.dry_run ? "would be imported" : "imported"}
          {replaced > 0 && ` (${formatCount(replaced)} in place of another)`}
          {skipped > 0 && `, ${formatCount(skipped)} known already or kept`}
          {total > 0 && `, ${formatCount(total)} rejected`}
        </strong>
        {result.stopped && <div>Stopped there: the rest of the file was not looked at.</div>}
        {imported + skipped > 0 && <div>{matchesOf(result)}</div>}
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
      {guessed.length > 0 && <Guessed examples={guessed} />}
      {total > 0 && <Rejected rejected={result.rejected} total={total} />}
    </>
  )
}

const matchesOf = ({ matched }: LabelImportResult): string =>
  "Images found by their whole name: " +
  `${formatCount(matched.exact)}, by the end of their path: ${formatCount(matched.path_ending)}, ` +
  `by their file name alone: ${formatCount(matched.name_alone)}.`

const KINDS = { exact: "whole name", path_ending: "end of the path", name_alone: "file name alone" }

function Guessed({ examples }: { examples: readonly MatchExample[] }) {
  return (
    <Table
      label="Examples of images that were not found by their whole name"
      rows={examples}
      keyOf={(example) => `${example.name} ${example.image}`}
      columns={[
        { key: "name", title: "In the file", kind: "long", cell: (example) => example.name },
        { key: "image", title: "Image", kind: "long", cell: (example) => example.image },
        { key: "by", title: "Found by", cell: (example) => KINDS[example.matched_by] },
      ]}
    />
  )
}

type RejectedProps = { rejected: readonly RejectedLabel[]; total: number }

function Rejected({ rejected, total }: RejectedProps) {
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
      {total > rows.length && (
        <p className={styles.hint}>and {formatCount(total - rows.length)} more</p>
      )}
    </>
  )
}

const placeOf = ({ name, line }: RejectedLabel): string =>
  line === null ? name : `${name} (line ${line})`
