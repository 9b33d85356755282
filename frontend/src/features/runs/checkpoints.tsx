import { useQuery, useQueryClient } from "@tanstack/react-query"
import { Download } from "lucide-react"
import { type Checkpoint, checkpointsQuery } from "@/api/runs"
import { Badge } from "@/components/badge"
import { AnchorButton } from "@/components/button"
import { CopyButton } from "@/components/copy-button"
import { DeleteButton } from "@/components/delete-button"
import { Section } from "@/components/layout"
import { Loaded } from "@/components/states"
import { type Column, Table } from "@/components/table"
import { formatBytes, formatCount, formatPercent } from "@/lib/format"
import styles from "./runs.module.css"

const SHORT_HASH = 12

type CheckpointsProps = {
  runId: number
  mayDownload: boolean
  /** Which rule chose one of them, in words; null while the run is not done. */
  selection: string | null
  /** Whether the run has ended: until then its checkpoints stay. */
  isDone: boolean
}

export function Checkpoints({ runId, mayDownload, selection, isDone }: CheckpointsProps) {
  const query = useQuery(checkpointsQuery(runId))
  const queryClient = useQueryClient()
  const refresh = () =>
    queryClient.invalidateQueries({ queryKey: checkpointsQuery(runId).queryKey })
  const removal: Column<Checkpoint> = {
    key: "delete",
    title: "Delete",
    quietTitle: true,
    cell: ({ id, step }) => (
      <DeleteButton
        thing={{ kind: "checkpoint", id }}
        name={`the checkpoint of step ${formatCount(step)}`}
        onDeleted={refresh}
      />
    ),
  }
  return (
    <Section
      title="Checkpoints"
      aside={selection && <span className={styles.meta}>Selected: {selection}</span>}
    >
      <Loaded query={query} height="8rem">
        {(checkpoints) =>
          checkpoints.length === 0 ? (
            <p className={styles.meta}>None is written yet.</p>
          ) : (
            <>
              <Table
                label="Checkpoints"
                rows={checkpoints}
                keyOf={(checkpoint) => checkpoint.id}
                columns={
                  mayDownload ? [...COLUMNS, DOWNLOAD, ...(isDone ? [removal] : [])] : COLUMNS
                }
              />
              {mayDownload && <Snippet checkpoints={checkpoints} />}
            </>
          )
        }
      </Loaded>
    </Section>
  )
}

const COLUMNS: readonly Column<Checkpoint>[] = [
  {
    key: "step",
    title: "Step",
    cell: ({ step, selected }) => (
      <span className={styles.state}>
        {formatCount(step)}
        {selected && <Badge tone="good">Selected</Badge>}
      </span>
    ),
  },
  { key: "miou", title: "mIoU", kind: "number", cell: ({ miou }) => formatPercent(miou) },
  { key: "size", title: "Size", kind: "number", cell: ({ size }) => formatBytes(size) },
  {
    key: "sha256",
    title: "sha256",
    cell: ({ sha256 }) => (
      <span className={styles.hash}>
        <code title={sha256}>{sha256.slice(0, SHORT_HASH)}</code>
        <CopyButton text={sha256} label="Copy the whole sha256" />
      </span>
    ),
  },
]

const DOWNLOAD: Column<Checkpoint> = {
  key: "download",
  title: "File",
  cell: ({ url, filename }) => (
    <AnchorButton href={url} download={filename} aria-label={`Download ${filename}`}>
      <Download aria-hidden="true" />
      Download
    </AnchorButton>
  ),
}

/** How a program fetches the chosen checkpoint; goes on where a broken download stopped. */
function Snippet({ checkpoints }: { checkpoints: readonly Checkpoint[] }) {
  const chosen = checkpoints.find(({ selected }) => selected) ?? checkpoints.at(-1)
  if (!chosen) return null
  const command = [
    `curl --fail --continue-at - --output ${chosen.filename}`,
    '  --header "Authorization: Bearer $WEAKSEG_TOKEN"',
    `  ${window.location.origin}${chosen.url}`,
  ].join(" \\\n")
  return (
    <div className={styles.snippet}>
      <pre>{command}</pre>
      <CopyButton text={command} label="Copy the command" />
    </div>
  )
}
