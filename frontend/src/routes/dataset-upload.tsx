import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useNavigate } from "@tanstack/react-router"
import { type FormEvent, useEffect, useState } from "react"
import { messageOf } from "@/api/client"
import { changeUpload, removeUpload, type Upload, uploadQuery, uploadsQuery } from "@/api/datasets"
import { datasetsQuery } from "@/api/project-settings"
import { Button, LinkButton } from "@/components/button"
import { ConfirmDialog, Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Page, PageHeading } from "@/components/layout"
import { Notice } from "@/components/notice"
import { ErrorState, PageSkeleton } from "@/components/states"
import styles from "@/features/datasets/datasets.module.css"
import { Sender } from "@/features/datasets/sender"
import { Pairs, Problems, UploadCheck } from "@/features/datasets/upload-check"
import { ValuesForm } from "@/features/datasets/values-form"
import { formatPlural } from "@/lib/format"

/** One upload, until it is a dataset. */
export function DatasetUpload({ id }: { id: number }) {
  const query = useQuery(uploadQuery(id))
  if (query.data) return <Shown upload={query.data} />
  return (
    <Page>
      <PageHeading
        title="Upload"
        actions={
          <LinkButton to="/datasets" search={{}}>
            All datasets
          </LinkButton>
        }
      />
      {query.error ? <ErrorState error={query.error} /> : <PageSkeleton />}
    </Page>
  )
}

function Shown({ upload }: { upload: Upload }) {
  const queryClient = useQueryClient()
  const isReady = upload.state === "ready"
  useEffect(() => {
    if (!isReady) return
    void queryClient.invalidateQueries({ queryKey: datasetsQuery.queryKey })
    void queryClient.invalidateQueries({ queryKey: uploadsQuery.queryKey, exact: true })
  }, [isReady, queryClient])
  const isOpen = upload.state === "receiving" || upload.state === "refused"
  return (
    <Page>
      <PageHeading
        title={upload.name}
        subtitle="Pictures with masks, on their way to a dataset."
        actions={
          <>
            <LinkButton to="/datasets" search={{}}>
              All datasets
            </LinkButton>
            {isOpen && <Rename upload={upload} />}
            {!isReady && <Remove id={upload.id} name={upload.name} />}
          </>
        }
      />
      {isReady && (
        <Notice tone="good">
          <strong>{formatPlural(upload.pairs, "picture")} with masks: it is a dataset now.</strong>{" "}
          Projects can name it as source domain or validation set, in their settings.
        </Notice>
      )}
      {isOpen && <Sender upload={upload} />}
      <div className={styles.columns}>
        {isOpen && <ValuesForm key={`${upload.state} ${upload.values.length}`} upload={upload} />}
        <div className={styles.column}>
          <UploadCheck upload={upload} />
          <Problems upload={upload} />
        </div>
      </div>
      <Pairs upload={upload} />
    </Page>
  )
}

function Rename({ upload }: { upload: Upload }) {
  const [name, setName] = useState<string | null>(null)
  const queryClient = useQueryClient()
  const renaming = useMutation({
    mutationFn: (wanted: string) => changeUpload(upload.id, { name: wanted }),
    onSuccess: async (renamed) => {
      setName(null)
      queryClient.setQueryData(uploadQuery(upload.id).queryKey, renamed)
      await queryClient.invalidateQueries({ queryKey: uploadsQuery.queryKey, exact: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name?.trim()) renaming.mutate(name.trim())
  }
  return (
    <>
      <Button onClick={() => setName(upload.name)}>Rename</Button>
      <Dialog title="Rename the dataset" isOpen={name !== null} onClose={() => setName(null)}>
        <form className={styles.form} onSubmit={submit}>
          <TextField
            label="Name of the dataset"
            autoComplete="off"
            maxLength={100}
            value={name ?? ""}
            onChange={setName}
          />
          {renaming.error && <Notice tone="bad">{messageOf(renaming.error)}</Notice>}
          <DialogActions>
            <Button onClick={() => setName(null)}>Cancel</Button>
            <Button type="submit" variant="primary" isPending={renaming.isPending}>
              Rename
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  )
}

function Remove({ id, name }: { id: number; name: string }) {
  const [isAsking, setAsking] = useState(false)
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const removal = useMutation({
    mutationFn: () => removeUpload(id),
    onSuccess: async () => {
      await navigate({ to: "/datasets", search: {}, ignoreBlocker: true })
      queryClient.removeQueries({ queryKey: uploadQuery(id).queryKey })
      await queryClient.invalidateQueries({ queryKey: uploadsQuery.queryKey, exact: true })
    },
  })
  return (
    <>
      <Button variant="danger" onClick={() => setAsking(true)}>
        Remove
      </Button>
      <ConfirmDialog
        title={`Remove the upload ${name}?`}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        action="Remove upload"
        onConfirm={() => removal.mutate()}
        isPending={removal.isPending}
        error={removal.error}
      >
        All of its files go.
      </ConfirmDialog>
    </>
  )
}
