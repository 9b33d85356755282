import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { importLabels, LABEL_FORMATS, type LabelImportOptions } from "@/api/label-files"
import { projectsQuery } from "@/api/projects"
import { CheckField } from "@/components/choice-field"
import { TextField } from "@/components/field"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { ProgressBar } from "@/components/progress-bar"
import { Select } from "@/components/select"
import { formatBytes } from "@/lib/format"
import styles from "./import.module.css"
import { LabelResultView } from "./label-result"

/** Takes labels in that were given elsewhere, as a file. */
export function LabelPanel({ projectId }: { projectId: number }) {
  const [sent, setSent] = useState(0)
  const [options, setOptions] = useState<LabelImportOptions>({
    format: "jsonl",
    annotator: "",
    matchAuthors: false,
    unmentioned: "not-asked",
  })
  const queryClient = useQueryClient()
  const taking = useMutation({
    mutationFn: (file: File) =>
      importLabels(projectId, file, options, {
        onProgress: setSent,
        signal: new AbortController().signal,
      }),
    onMutate: () => setSent(0),
    onSettled: () => queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey }),
  })
  const endings = LABEL_FORMATS.find(({ value }) => value === options.format)?.endings ?? []
  return (
    <Card title="Import labels">
      <p className={styles.hint}>
        For images that are here already. An image is found by its name, or by a file name that only
        one has. Importing the same file again changes nothing.
      </p>
      <Options
        options={options}
        onChange={(changed) => setOptions((before) => ({ ...before, ...changed }))}
      />
      {taking.isPending && taking.variables && <Sending file={taking.variables} sent={sent} />}
      {taking.error && <Notice tone="bad">{messageOf(taking.error)}</Notice>}
      {taking.data && <LabelResultView result={taking.data} />}
      <div>
        <FileTrigger
          acceptedFileTypes={[...endings]}
          onSelect={(files) => files?.[0] && taking.mutate(files[0])}
        >
          <PickerButton variant="secondary" isPending={taking.isPending}>
            Choose a file of labels
          </PickerButton>
        </FileTrigger>
      </div>
    </Card>
  )
}

function Sending({ file, sent }: { file: File; sent: number }) {
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
        {sent < file.size ? "Sending …" : "Sent; the labels are being stored …"}
      </p>
    </>
  )
}

const MEANINGS = [
  { value: "not-asked", label: "Nobody was asked about it" },
  { value: "absent", label: "It is absent from the image" },
] as const

type OptionsProps = {
  options: LabelImportOptions
  onChange: (changed: Partial<LabelImportOptions>) => void
}

function Options({ options, onChange }: OptionsProps) {
  return (
    <>
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
    </>
  )
}
