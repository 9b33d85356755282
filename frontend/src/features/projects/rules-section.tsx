import { useMutation } from "@tanstack/react-query"
import { useState } from "react"
import { FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { deleteRulesPicture, uploadRulesPicture } from "@/api/rules"
import { Button } from "@/components/button"
import { ConfirmDialog } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { type DraftPicture, type DraftSection, MOST_PICTURES } from "./rules-draft"
import styles from "./rules-editor.module.css"

type SectionProps = {
  projectId: number
  label: string
  section: DraftSection
  onChange: (section: DraftSection) => void
}

/** What is said of one thing: text and pictures. */
export function SectionFields({ projectId, label, section, onChange }: SectionProps) {
  const [deleted, setDeleted] = useState<DraftPicture | null>(null)
  const { text, pictures } = section
  const uploading = useMutation({
    mutationFn: (file: File) => uploadRulesPicture(projectId, file),
    onSuccess: (picture) => onChange({ text, pictures: [...pictures, { picture, caption: "" }] }),
  })
  const without = (id: number) =>
    onChange({ text, pictures: pictures.filter(({ picture }) => picture.id !== id) })
  const caption = (id: number, words: string) => {
    const told = pictures.map((one) => (one.picture.id === id ? { ...one, caption: words } : one))
    onChange({ text, pictures: told })
  }
  return (
    <div className={styles.section}>
      <TextField
        label={label}
        lines="many"
        maxLength={10_000}
        value={text}
        onChange={(words) => onChange({ text: words, pictures })}
      />
      {pictures.length > 0 && (
        <ul className={styles.pictures}>
          {pictures.map((one) => (
            <li key={one.picture.id}>
              <img src={one.picture.url} alt={one.caption} loading="lazy" />
              <TextField
                label="Caption"
                maxLength={300}
                value={one.caption}
                onChange={(words) => caption(one.picture.id, words)}
              />
              <div className={styles.foot}>
                <Button onClick={() => without(one.picture.id)}>Take out</Button>
                <Button variant="quiet" onClick={() => setDeleted(one)}>
                  Delete
                </Button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {uploading.error && <Notice tone="bad">{messageOf(uploading.error)}</Notice>}
      {pictures.length < MOST_PICTURES && (
        <div>
          <FileTrigger
            acceptedFileTypes={["image/*"]}
            onSelect={(files) => files?.[0] && uploading.mutate(files[0])}
          >
            <PickerButton variant="secondary">
              {uploading.isPending ? "Adding the picture…" : "Add a picture"}
            </PickerButton>
          </FileTrigger>
        </div>
      )}
      {deleted && (
        <DeletePicture
          projectId={projectId}
          deleted={deleted}
          onDeleted={() => {
            without(deleted.picture.id)
            setDeleted(null)
          }}
          onClose={() => setDeleted(null)}
        />
      )}
    </div>
  )
}

type DeleteProps = {
  projectId: number
  deleted: DraftPicture
  onDeleted: () => void
  onClose: () => void
}

function DeletePicture({ projectId, deleted, onDeleted, onClose }: DeleteProps) {
  const deleting = useMutation({
    mutationFn: () => deleteRulesPicture(projectId, deleted.picture.id),
    onSuccess: onDeleted,
  })
  return (
    <ConfirmDialog
      title="Delete the picture"
      isOpen
      onClose={onClose}
      action="Delete picture"
      onConfirm={() => deleting.mutate()}
      isPending={deleting.isPending}
      error={deleting.error}
    >
      It goes at once, also from the versions that show it, and cannot be had back. To leave it out
      from the next version on, take it out instead.
    </ConfirmDialog>
  )
}
