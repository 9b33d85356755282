import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import {
  importLabels,
  LABEL_FORMATS,
  type LabelImportOptions,
  type LabelImportResult,
} from "@/api/label-files"
import { projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { CheckField } from "@/components/choice-field"
import { TextField } from "@/components/field"
import { Card } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { ProgressBar } from "@/components/progress-bar"
import { Select } from "@/components/select"
import { formatBytes, formatPlural } from "@/lib/format"
import styles from "./import.module.css"
import { LabelResultView } from "./label-result"

/** Takes labels in that were given elsewhere, as a file that is looked at first. */
export function LabelPanel({ projectId }: { projectId: number }) {
  const [sent, setSent] = useState(0)
  const [file, setFile] = useState<File>()
  const [options, setOptions] = useState<LabelImportOptions>({
    format: "jsonl",
    annotator: "",
    matchAuthors: false,
    unmentioned: "not-asked",
    existing: "once",
    ownExport: false,
  })
  const queryClient = useQueryClient()
  const send = (chosen: File, dryRun: boolean) => {
    setSent(0)
    const progress = { onProgress: setSent, signal: new AbortController().signal, dryRun }
    return importLabels(projectId, chosen, options, progress)
  }
  const looking = useMutation({ mutationFn: (chosen: File) => send(chosen, true) })
  const taking = useMutation({
    mutationFn: (chosen: File) => send(chosen, false),
    onSettled: () => queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey }),
  })
  const isPending = looking.isPending || taking.isPending
  useLoss("The labels are still being sent.", taking.isPending)
  const forget = () => {
    looking.reset()
    taking.reset()
  }
  const choose = (chosen: File) => {
    forget()
    setFile(chosen)
    looking.mutate(chosen)
  }
  const change = (changed: Partial<LabelImportOptions>) => {
    // What was seen was of other options.
    forget()
    setOptions((before) => ({ ...before, ...changed }))
  }
  const endings = LABEL_FORMATS.find(({ value }) => value === options.format)?.endings ?? []
  const error = taking.error ?? looking.error
  const result = taking.data ?? (taking.isPending ? undefined : looking.data)
  return (
    <Card title="Import labels">
      <p className={styles.hint}>
        For images that are here already. An image is found by its name, by the end of its path, or
        by a file name that only one has. You see what would happen before anything is stored.
      </p>
      <Options options={options} isDisabled={isPending} onChange={change} />
      {isPending && file && <Sending file={file} sent={sent} isLook={looking.isPending} />}
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {result && <LabelResultView result={result} />}
      <div className={styles.actions}>
        {file && !taking.data && !isPending && (
          <LookedAt
            file={file}
            seen={looking.data}
            onLook={() => choose(file)}
            onImport={() => taking.mutate(file)}
          />
        )}
        <FileTrigger
          acceptedFileTypes={[...endings]}
          onSelect={(files) => files?.[0] && choose(files[0])}
        >
          <PickerButton variant="secondary" isPending={isPending}>
            {file ? "Choose another file" : "Choose a file of labels"}
          </PickerButton>
        </FileTrigger>
      </div>
    </Card>
  )
}

type LookedAtProps = {
  file: File
  /** What would come of it; undefined after the options were changed. */
  seen: LabelImportResult | undefined
  onLook: () => void
  onImport: () => void
}

/** What to do with a chosen file: look at what would happen, then let it happen. */
function LookedAt({ file, seen, onLook, onImport }: LookedAtProps) {
  if (!seen)
    return (
      <Button variant="primary" onClick={onLook}>
        Look at {file.name}
      </Button>
    )
  if (seen.imported === 0) return null
  return (
    <Button variant="primary" onClick={onImport}>
      Import {formatPlural(seen.imported, "label")}
    </Button>
  )
}

function Sending({ file, sent, isLook }: { file: File; sent: number; isLook: boolean }) {
  const after = isLook ? "the labels are being looked at" : "the labels are being stored"
  return (
    <>
      <ProgressBar
        label="File of labels"
        value={sent}
        max={file.size}
        left={file.name}
        right={formatBytes(file.size)}
      />
      <p className={styles.hint} aria-live="polite">
        {sent < file.size ? "Sending …" : `Sent; ${after} …`}
      </p>
    </>
  )
}

const MEANINGS = [
  { value: "not-asked", label: "Nobody was asked about it" },
  { value: "absent", label: "It is absent from the image" },
] as const

const WINNERS = [
  { value: "once", label: "Replaced, but by no label that was imported before" },
  { value: "replace", label: "Replaced by what the file says, as of a backup" },
  { value: "keep", label: "Kept" },
] as const

type OptionsProps = {
  options: LabelImportOptions
  isDisabled: boolean
  onChange: (changed: Partial<LabelImportOptions>) => void
}

function Options({ options, isDisabled, onChange }: OptionsProps) {
  return (
    <fieldset className={styles.options} disabled={isDisabled}>
      <Select
        label="Format"
        options={LABEL_FORMATS}
        value={options.format}
        onChange={(format) => onChange({ format })}
      />
      <Select
        label="A category that the file does not name for an image"
        options={MEANINGS}
        value={options.unmentioned}
        onChange={(unmentioned) => onChange({ unmentioned })}
      />
      <TextField
        label="Annotator"
        type="email"
        value={options.annotator}
        onChange={(annotator) => onChange({ annotator })}
        description="Email of the account whose labels they become; yours when left empty."
      />
      <CheckField
        label="Recognise authors"
        description="Labels whose author in the file has an account here are theirs."
        isSelected={options.matchAuthors}
        onChange={(matchAuthors) => onChange({ matchAuthors })}
      />
      <Select
        label="A label that the annotator has given already"
        options={WINNERS}
        value={options.existing}
        onChange={(existing) => onChange({ existing })}
      />
      <CheckField
        label="Exported by this server"
        description="The numbers of annotators in the file are accounts here: theirs are their labels."
        isSelected={options.ownExport}
        onChange={(ownExport) => onChange({ ownExport })}
      />
    </fieldset>
  )
}
