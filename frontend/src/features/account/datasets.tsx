import { useQuery, useQueryClient } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { datasetsQuery } from "@/api/project-settings"
import type { Dataset } from "@/api/projects"
import { DeleteButton } from "@/components/delete-button"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import { formatCount } from "@/lib/format"
import styles from "./account.module.css"

/** What projects can name as their source domain or validation set. */
export function Datasets() {
  // To list them the server looks at their files: the people above do not wait for that.
  const { data: datasets, error } = useQuery(datasetsQuery)
  return (
    <FormSection
      title="Datasets"
      hint="What projects can have as a source domain or validation set. To delete one forgets its card; files that were uploaded here go with it, all others stay where they are."
    >
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {datasets?.length === 0 && <p className={styles.hint}>There is no dataset.</p>}
      {datasets && datasets.length > 0 && <DatasetTable datasets={datasets} />}
    </FormSection>
  )
}

function DatasetTable({ datasets }: { datasets: readonly Dataset[] }) {
  return (
    <Table
      bare
      label="Datasets"
      rows={datasets}
      keyOf={(dataset) => dataset.name}
      columns={[
        { key: "name", title: "Name", kind: "long", cell: (dataset) => dataset.name },
        {
          key: "images",
          title: "Images",
          isMinor: true,
          cell: (dataset) => formatCount(dataset.images),
        },
        {
          key: "about",
          title: "About",
          kind: "long",
          isMinor: true,
          cell: (dataset) => dataset.problem ?? dataset.description,
        },
        {
          key: "actions",
          title: "Actions",
          quietTitle: true,
          cell: (dataset) => <DatasetActions name={dataset.name} />,
        },
      ]}
    />
  )
}

function DatasetActions({ name }: { name: string }) {
  const queryClient = useQueryClient()
  return (
    <div className={styles.rowactions}>
      <DeleteButton
        thing={{ kind: "dataset", name }}
        name={`the dataset ${name}`}
        onDeleted={async () => {
          await queryClient.invalidateQueries({ queryKey: datasetsQuery.queryKey })
          showToast(`The dataset ${name} was deleted`)
        }}
      />
    </div>
  )
}
