import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { checkUpload, pairsQuery, type Upload, uploadQuery } from "@/api/datasets"
import { CategoryName } from "@/components/badge"
import { Button } from "@/components/button"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { ProgressBar } from "@/components/progress-bar"
import { Table } from "@/components/table"
import { formatBytes, formatCount, formatPlural } from "@/lib/format"
import styles from "./datasets.module.css"

/** What has arrived, what a worker finds wrong with it, and the way to a dataset. */
export function UploadCheck({ upload }: { upload: Upload }) {
  const queryClient = useQueryClient()
  const checking = useMutation({
    mutationFn: (leaveOut: boolean) => checkUpload(upload.id, leaveOut),
    onSuccess: (begun) => queryClient.setQueryData(uploadQuery(upload.id).queryKey, begun),
  })
  return (
    <Card title="Check">
      <Arrived upload={upload} />
      {upload.state === "checking" && (
        <ProgressBar
          label="Check"
          value={upload.done}
          max={upload.total || 1}
          left="A worker looks at every file"
          right={upload.total > 0 && `${formatCount(upload.done)} of ${formatCount(upload.total)}`}
        />
      )}
      {upload.state === "refused" && (
        <Notice tone="warn">
          <strong>
            {formatPlural(upload.problems_total, "problem")}, {formatPlural(upload.pairs, "pair")}.
          </strong>{" "}
          Change the values or send files again, and check once more; or leave out what is wrong.
        </Notice>
      )}
      {checking.error && <Notice tone="bad">{messageOf(checking.error)}</Notice>}
      {(upload.state === "receiving" || upload.state === "refused") && (
        <div className={styles.actions}>
          <Button
            variant="primary"
            isPending={checking.isPending}
            disabled={!isWhole(upload) || (upload.files === 0 && upload.archive_size === null)}
            onClick={() => checking.mutate(false)}
          >
            Check and make it a dataset
          </Button>
          {upload.state === "refused" && upload.pairs > badPairs(upload) && (
            <Button isPending={checking.isPending} onClick={() => checking.mutate(true)}>
              Leave out what is wrong
            </Button>
          )}
        </div>
      )}
    </Card>
  )
}

const isWhole = ({ archive_size, archive_bytes }: Upload): boolean =>
  archive_size === null || archive_bytes === archive_size

function Arrived({ upload }: { upload: Upload }) {
  const { files, bytes, archive_size, note } = upload
  return (
    <p>
      {formatPlural(files, "file")}
      {archive_size !== null &&
        ` and an archive${isWhole(upload) ? "" : " that has not arrived as a whole"}`}
      , {formatBytes(bytes)}.{note && ` From the archive ${note}.`}
    </p>
  )
}

/** At least so many of the pairs have something wrong: problems may be of files without a pair too. */
const badPairs = ({ problems, pairs }: Upload): number =>
  Math.min(pairs, problems.filter(({ reason }) => !reason.startsWith("there is no")).length)

export function Problems({ upload }: { upload: Upload }) {
  if (upload.problems.length === 0) return null
  const more = upload.problems_total - upload.problems.length
  return (
    <>
      <Table
        label="Problems"
        rows={upload.problems}
        keyOf={({ name, reason }) => `${name}: ${reason}`}
        columns={[
          { key: "name", title: "File", kind: "long", cell: ({ name }) => name },
          { key: "reason", title: "Problem", kind: "long", cell: ({ reason }) => reason },
        ]}
      />
      {more > 0 && <p className={styles.hint}>{formatCount(more)} more.</p>}
    </>
  )
}

const SHOWN = 12

/** Pictures under what their masks say. */
export function Pairs({ upload }: { upload: Upload }) {
  const isLookedAt = upload.pairs > 0 && upload.state !== "checking"
  const { data } = useQuery({ ...pairsQuery(upload), enabled: isLookedAt })
  if (!isLookedAt || !data || data.pairs.length === 0) return null
  return (
    <Card title="Pictures and masks">
      <div className={styles.legend}>
        {data.categories.map(({ name, color }) => (
          <CategoryName key={name} name={name} color={color} />
        ))}
      </div>
      <ul className={styles.pairs}>
        {data.pairs.slice(0, SHOWN).map(({ name, url }) => (
          <li key={name} className={styles.pair}>
            <img src={url} alt="" loading="lazy" decoding="async" />
            <span title={name}>{name}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
