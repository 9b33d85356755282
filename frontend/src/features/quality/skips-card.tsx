import { useQuery } from "@tanstack/react-query"
import { skipsQuery } from "@/api/quality"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { formatCount } from "@/lib/format"
import styles from "./quality.module.css"

/** Why people skipped images. */
export function SkipsCard({ projectId }: { projectId: number }) {
  const query = useQuery(skipsQuery(projectId))
  return (
    <Card title="Skipped images">
      <Loaded query={query} height="6rem">
        {(skips) =>
          skips.length === 0 ? (
            <p className={styles.hint}>Nobody skipped an image. Their reasons would stand here.</p>
          ) : (
            <Table
              bare
              label="Skipped images by reason"
              rows={skips}
              keyOf={({ reason }) => reason}
              columns={[
                { key: "reason", title: "Reason", kind: "long", cell: ({ reason }) => reason },
                {
                  key: "skips",
                  title: "Images",
                  kind: "number",
                  cell: ({ skips: count }) => formatCount(count),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  )
}
