import { useQueryClient } from "@tanstack/react-query"
import { FolderUp } from "lucide-react"
import { useEffect, useRef, useState } from "react"
import { DropZone, FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { sendArchive, sendFiles, type Upload, uploadQuery } from "@/api/datasets"
import { Button } from "@/components/button"
import { Card } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { ProgressBar } from "@/components/progress-bar"
import { Table } from "@/components/table"
import { type Chosen, describeLeftOut, dropUploads, pickUploads } from "@/lib/chosen"
import { formatBytes, formatCount, formatPlural } from "@/lib/format"
import { type ImportState, progressOf } from "@/lib/import-state"
import { useSending } from "@/lib/use-sending"
import styles from "./datasets.module.css"

/** Takes pictures and masks, or an archive of them, and sends them. */
export function Sender({ upload }: { upload: Upload }) {
  const queryClient = useQueryClient()
  const refresh = () => queryClient.invalidateQueries({ queryKey: uploadQuery(upload.id).queryKey })
  const files = useSending((form, progress) =>
    sendFiles(upload.id, form, progress).finally(refresh),
  )
  const archive = useArchive(upload.id, refresh)
  const [words, setWords] = useState("")
  const isSending = files.state.phase === "sending" || archive.isSending
  useLoss("Files are still being sent, which would stop.", isSending)
  const choose = (chosen: Chosen) => {
    const [first, ...others] = chosen.uploads
    setWords(describeLeftOut(chosen))
    if (first && others.length === 0 && /\.zip$/i.test(first.name)) archive.start(first.file)
    else if (first) files.start(chosen.uploads)
  }
  if (isSending) {
    return archive.isSending ? <SendingArchive {...archive} /> : <SendingFiles {...files} />
  }
  const { error, left, result } = files.state
  return (
    <>
      {error && (
        <Notice tone="bad">
          <span>{`${messageOf(error)} ${formatPlural(left.length, "file")} not sent.`}</span>
          <div>
            <Button onClick={() => files.start(left)}>Go on with the rest</Button>
          </div>
        </Notice>
      )}
      {archive.error && archive.file && (
        <Notice tone="bad">
          <span>{messageOf(archive.error)}</span>
          <div>
            <Button onClick={() => archive.file && archive.start(archive.file)}>
              Go on with {archive.file.name}
            </Button>
          </div>
        </Notice>
      )}
      {words && <Notice tone="warn">{`${words.charAt(0).toUpperCase()}${words.slice(1)}.`}</Notice>}
      {result.rejected.length > 0 && (
        <Table
          label="Refused files"
          rows={result.rejected}
          keyOf={({ name }) => name}
          columns={[
            { key: "name", title: "Refused file", kind: "long", cell: ({ name }) => name },
            { key: "reason", title: "Reason", kind: "long", cell: ({ reason }) => reason },
          ]}
        />
      )}
      <Chooser onChosen={choose} />
    </>
  )
}

function useArchive(id: number, refresh: () => unknown) {
  const [file, setFile] = useState<File | null>(null)
  const [sent, setSent] = useState(0)
  const [error, setError] = useState<Error | null>(null)
  const [isSending, setSending] = useState(false)
  const stopper = useRef<AbortController>(null)
  useEffect(() => () => stopper.current?.abort(), [])
  const start = async (chosen: File) => {
    const own = new AbortController()
    stopper.current = own
    setFile(chosen)
    setSent(0)
    setError(null)
    setSending(true)
    try {
      await sendArchive(id, chosen, { onProgress: setSent, signal: own.signal })
    } catch (problem) {
      setError(problem as Error)
    }
    setSending(false)
    refresh()
  }
  return { file, sent, error, isSending, start, stop: () => stopper.current?.abort() }
}

type SendingArchiveProps = { file: File | null; sent: number; stop: () => void }

function SendingArchive({ file, sent, stop }: SendingArchiveProps) {
  const size = file?.size ?? 0
  return (
    <Card title={`Sending ${file?.name}`} aside={<Button onClick={stop}>Stop</Button>}>
      <ProgressBar
        label="Archive"
        value={sent}
        max={size}
        left={formatBytes(sent)}
        right={formatBytes(size)}
      />
    </Card>
  )
}

function SendingFiles({ state, stop }: { state: ImportState; stop: () => void }) {
  const { doneFiles, totalFiles, totalBytes } = state
  return (
    <Card
      title={`Sending ${formatPlural(totalFiles, "file")}`}
      aside={<Button onClick={stop}>Stop</Button>}
    >
      <ProgressBar
        label="Files"
        value={progressOf(state)}
        max={1}
        left={`${formatCount(doneFiles)} of ${formatCount(totalFiles)}`}
        right={formatBytes(totalBytes)}
      />
    </Card>
  )
}

const within = (folder: string, { uploads, leftOut }: Chosen): Chosen => ({
  uploads: uploads.map(({ name, file }) => ({ name: `${folder}/${name}`, file })),
  leftOut,
})

function Chooser({ onChosen }: { onChosen: (chosen: Chosen) => void }) {
  const pick = (files: FileList | null) => files && onChosen(pickUploads(files))
  const pickInto = (folder: string) => (files: FileList | null) =>
    files && onChosen(within(folder, pickUploads(files)))
  return (
    <DropZone
      className={styles.zone ?? ""}
      aria-label="Drop a folder or a ZIP file here"
      onDrop={async ({ items }) => onChosen(await dropUploads(items))}
    >
      <FolderUp aria-hidden="true" strokeWidth={1.5} />
      <h2>Drop a folder or a ZIP file here</h2>
      <p>
        Pictures in a folder <code>images</code>, their masks in a folder <code>masks</code>, called
        alike: <code>images/a.jpg</code> and <code>masks/a.png</code>. The same file again changes
        nothing, and an archive that broke off goes on where it ended.
      </p>
      <div className={styles.buttons}>
        <FileTrigger acceptDirectory onSelect={pick}>
          <PickerButton variant="primary">Choose a folder</PickerButton>
        </FileTrigger>
        <FileTrigger acceptedFileTypes={[".zip"]} onSelect={pick}>
          <PickerButton variant="secondary">Choose a ZIP file</PickerButton>
        </FileTrigger>
        <FileTrigger allowsMultiple acceptedFileTypes={["image/*"]} onSelect={pickInto("images")}>
          <PickerButton variant="secondary">Choose images</PickerButton>
        </FileTrigger>
        <FileTrigger allowsMultiple acceptedFileTypes={["image/*"]} onSelect={pickInto("masks")}>
          <PickerButton variant="secondary">Choose masks</PickerButton>
        </FileTrigger>
      </div>
    </DropZone>
  )
}
