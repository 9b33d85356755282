import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Upload as UploadIcon } from "lucide-react"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { createUpload, type Upload, uploadsQuery } from "@/api/datasets"
import { datasetsQuery } from "@/api/project-settings"
import type { Dataset } from "@/api/projects"
import { mayAct, useMe } from "@/api/session"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { DeleteButton } from "@/components/delete-button"
import { TextField } from "@/components/field"
import { Card, Section } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Loaded } from "@/components/states"
import { type Column, Table } from "@/components/table"
import { showToast } from "@/components/toast"
import { formatCount } from "@/lib/format"
import styles from "./datasets.module.css"

/** Datasets that are there, with what is wrong with them; admins delete them. */
export function DatasetList() {
  const query = useQuery(datasetsQuery)
  return (
    <Section title="Datasets">
      <Loaded query={query} height="8rem">
        {(datasets) =>
          datasets.length === 0 ? (
            <p className={styles.hint}>
              There is none yet. What you upload above is listed here once it is checked; then a
              project can name it as source domain or validation set. Operators add one that lies on
              the server by <code>weakseg datasets add</code>.
            </p>
          ) : (
            <DatasetTable datasets={datasets} />
          )
        }
      </Loaded>
    </Section>
  )
}

function DatasetTable({ datasets }: { datasets: readonly Dataset[] }) {
  const mayDelete = mayAct(useMe().role, "admin")
  return (
    <Table
      label="Datasets"
      stacks
      rows={datasets}
      keyOf={({ name }) => name}
      columns={[
        { key: "name", title: "Name", kind: "long", cell: ({ name }) => name },
        {
          key: "images",
          title: "Images",
          kind: "number",
          cell: ({ images }) => formatCount(images),
        },
        {
          key: "categories",
          title: "Categories",
          kind: "long",
          isMinor: true,
          cell: ({ categories }) => categories.join(", "),
        },
        {
          key: "state",
          title: "State",
          kind: "long",
          cell: ({ problem }) => problem ?? <Badge tone="good">Can be used</Badge>,
        },
        ...(mayDelete ? [DELETION] : []),
      ]}
    />
  )
}

const DELETION: Column<Dataset> = {
  key: "actions",
  title: "Actions",
  quietTitle: true,
  cell: ({ name }) => <DatasetDeletion name={name} />,
}

function DatasetDeletion({ name }: { name: string }) {
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

const STATES: Record<Upload["state"], string> = {
  receiving: "Files are being sent",
  checking: "Is being checked",
  refused: "Needs a look",
  ready: "A dataset",
}

/** Uploads that are no datasets yet. */
export function UploadList() {
  const { data = [] } = useQuery(uploadsQuery)
  if (data.length === 0) return null
  return (
    <Section title="Unfinished uploads">
      <Table
        label="Unfinished uploads"
        stacks
        rows={data}
        keyOf={({ id }) => id}
        columns={[
          {
            key: "name",
            title: "Name",
            kind: "long",
            cell: ({ id, name }) => (
              <Link to="/datasets" search={{ upload: id }}>
                {name}
              </Link>
            ),
          },
          { key: "state", title: "State", cell: ({ state }) => STATES[state] },
          { key: "files", title: "Files", kind: "number", cell: ({ files }) => formatCount(files) },
          { key: "by", title: "By", isMinor: true, cell: ({ created_by }) => created_by },
        ]}
      />
    </Section>
  )
}

/** Begins an upload. */
export function NewUpload({ onBegun }: { onBegun: (upload: Upload) => void }) {
  const [name, setName] = useState("")
  const queryClient = useQueryClient()
  const beginning = useMutation({
    mutationFn: () => createUpload(name.trim()),
    onSuccess: async (upload) => {
      await queryClient.invalidateQueries({ queryKey: uploadsQuery.queryKey, exact: true })
      onBegun(upload)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    beginning.mutate()
  }
  return (
    <Card title="Upload a dataset">
      <p className={styles.hint}>
        Pictures with masks, for training (a source domain) or to measure accuracy (a validation
        set).
      </p>
      {beginning.error && <Notice tone="bad">{messageOf(beginning.error)}</Notice>}
      <form className={styles.begin} onSubmit={submit}>
        <TextField
          label="Name of the dataset"
          autoComplete="off"
          maxLength={100}
          value={name}
          onChange={setName}
          isRequired
        />
        <Button
          type="submit"
          variant="primary"
          isPending={beginning.isPending}
          disabled={name.trim() === ""}
        >
          <UploadIcon aria-hidden="true" />
          Begin
        </Button>
      </form>
    </Card>
  )
}
