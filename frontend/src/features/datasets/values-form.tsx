import { useMutation, useQueryClient } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { type FormEvent, useState } from "react"
import { FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { changeUpload, type Upload, type UploadChange, uploadQuery } from "@/api/datasets"
import { Button } from "@/components/button"
import { CheckField } from "@/components/choice-field"
import field from "@/components/field.module.css"
import { Card } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { showToast } from "@/components/toast"
import { formatPlural } from "@/lib/format"
import styles from "./datasets.module.css"
import { changeOf, draftOf, problemOf, type ValueRow, type ValuesDraft } from "./mask-values"

/** A change, and the draft that it is of: one that goes on meanwhile stays. Null: a card takes its place. */
type Sent = { change: UploadChange; of: ValuesDraft | null }

/** Which value of the masks is which category: as a table, or from a dataset card. */
export function ValuesForm({ upload }: { upload: Upload }) {
  const [draft, setDraft] = useState(() => draftOf(upload))
  const [isTried, setTried] = useState(false)
  const queryClient = useQueryClient()
  const saving = useMutation({
    mutationFn: ({ change }: Sent) => changeUpload(upload.id, change),
    onSuccess: (saved, { of }) => {
      queryClient.setQueryData(uploadQuery(upload.id).queryKey, saved)
      setDraft((now) => (of === null || of === now ? draftOf(saved) : now))
      showToast("Values saved")
    },
  })
  const isUnsaved = JSON.stringify(draft) !== JSON.stringify(draftOf(upload))
  useLoss("What the masks' values mean is not saved.", isUnsaved)
  const problem = problemOf(draft)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!problem) saving.mutate({ change: changeOf(draft), of: draft })
  }
  const set = (place: number, change: Partial<ValueRow>) =>
    setDraft({
      ...draft,
      rows: draft.rows.map((row, i) => (i === place ? { ...row, ...change } : row)),
    })
  const takeCard = async (files: FileList | null) => {
    const file = files?.[0]
    if (file) saving.mutate({ change: { card: await file.text() }, of: null })
  }
  return (
    <Card
      title="What the masks' values mean"
      aside={
        <FileTrigger acceptedFileTypes={[".yaml", ".yml"]} onSelect={takeCard}>
          <PickerButton variant="secondary">Take from a card</PickerButton>
        </FileTrigger>
      }
    >
      <form className={styles.form} onSubmit={submit}>
        <p className={styles.hint}>
          A number, or a colour such as #804080, and its category, called as in the project. Without
          a name a value is void. A check lists what the masks have.
        </p>
        <ul className={styles.rows}>
          {draft.rows.map((row, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name and keep their order
            <li key={place} className={styles.row}>
              <input
                className={field.input}
                aria-label={`Value ${place + 1}`}
                value={row.value}
                onChange={(event) => set(place, { value: event.target.value })}
              />
              <input
                className={field.input}
                aria-label={`Category of ${row.value || `value ${place + 1}`}`}
                placeholder="void"
                value={row.name}
                onChange={(event) => set(place, { name: event.target.value })}
              />
              <Found upload={upload} value={row.value} />
            </li>
          ))}
        </ul>
        <Button
          variant="quiet"
          className={styles.add}
          onClick={() => setDraft({ ...draft, rows: [...draft.rows, { value: "", name: "" }] })}
        >
          <Plus aria-hidden="true" />
          Add a value
        </Button>
        <CheckField
          label="All other values are void too"
          isSelected={draft.othersAreVoid}
          onChange={(othersAreVoid) => setDraft({ ...draft, othersAreVoid })}
        />
        {isTried && problem && <Notice tone="bad">{problem}</Notice>}
        {saving.error && <Notice tone="bad">{messageOf(saving.error)}</Notice>}
        <div>
          <Button type="submit" isPending={saving.isPending}>
            Save values
          </Button>
        </div>
      </form>
    </Card>
  )
}

function Found({ upload, value }: { upload: Upload; value: string }) {
  const found = upload.values.find((one) => one.value === value)
  return (
    <span className={styles.hint}>
      {found && `in ${formatPlural(found.masks, "mask")}, such as ${found.first}`}
    </span>
  )
}
