import type { ImportResult } from "@/api/images"
import { LinkButton } from "@/components/button"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { formatCount, formatPlural } from "@/lib/format"

type ImportResultViewProps = { result: ImportResult; projectId: number }

/** What came of an import, with every rejected file and why. */
export function ImportResultView({ result, projectId }: ImportResultViewProps) {
  const { imported, skipped, rejected, notes = [] } = result
  return (
    <>
      <Notice tone={rejected.length > 0 ? "warn" : "good"}>
        <strong>
          {formatPlural(imported, "image")} imported
          {skipped > 0 && `, ${formatCount(skipped)} there already`}
          {rejected.length > 0 && `, ${formatCount(rejected.length)} rejected`}
        </strong>
        <div>
          <LinkButton to="/projects/$projectId/images" params={{ projectId }}>
            Show the images
          </LinkButton>
        </div>
      </Notice>
      {rejected.length > 0 && (
        <Table
          label="Rejected files"
          rows={rejected}
          keyOf={(file) => file.name}
          columns={[
            { key: "name", title: "Rejected file", kind: "long", cell: (file) => file.name },
            { key: "reason", title: "Reason", kind: "long", cell: (file) => file.reason },
          ]}
        />
      )}
      {notes.length > 0 && (
        <Table
          label="Notes"
          rows={notes}
          keyOf={(file) => file.name}
          columns={[
            { key: "name", title: "Imported with a note", kind: "long", cell: (file) => file.name },
            { key: "note", title: "Note", kind: "long", cell: (file) => file.note },
          ]}
        />
      )}
    </>
  )
}
