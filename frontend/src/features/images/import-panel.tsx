import { useQueryClient } from "@tanstack/react-query"
import { ImageUp } from "lucide-react"
import { useState } from "react"
import { DropZone, FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { projectsQuery } from "@/api/projects"
import { sendImport } from "@/api/upload"
import { Button } from "@/components/button"
import { Card } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { ProgressBar } from "@/components/progress-bar"
import { type Chosen, describeLeftOut, dropUploads, pickUploads } from "@/lib/chosen"
import { formatBytes, formatCount, formatPlural } from "@/lib/format"
import { type ImportState, progressOf } from "@/lib/import-state"
import { useSending } from "@/lib/use-sending"
import styles from "./import.module.css"
import { ImportResultView } from "./import-result"

/** Takes pictures by drop, by choice of files, or by choice of a folder. */
export function ImportPanel({ projectId }: { projectId: number }) {
  const queryClient = useQueryClient()
  const { state, start, stop } = useSending((body, progress) =>
    sendImport({ projectId, body, ...progress }).finally(() =>
      queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey }),
    ),
  )
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const isSending = state.phase === "sending"
  const choose = (next: Chosen) => {
    setChosen(next)
    if (next.uploads.length > 0) start(next.uploads)
  }
  useLoss("Images are still being sent, and the import would stop.", isSending)
  if (isSending) return <Sending state={state} onStop={stop} />
  return (
    <>
      {state.error && (
        <Notice tone="bad">
          <span>
            {messageOf(state.error)} {formatPlural(state.left.length, "file")} not imported.
          </span>
          <div>
            <Button onClick={() => start(state.left)}>Go on with the rest</Button>
          </div>
        </Notice>
      )}
      {state.phase !== "idle" && <ImportResultView result={state.result} projectId={projectId} />}
      {chosen && <LeftOut chosen={chosen} />}
      <Chooser onChosen={choose} />
    </>
  )
}

/** What of the files that were chosen is not sent. */
function LeftOut({ chosen }: { chosen: Chosen }) {
  const words = describeLeftOut(chosen)
  if (!words) return null
  return (
    <Notice tone="warn">
      <span>
        {chosen.uploads.length === 0 && "There are no pictures among these files. "}
        {words.charAt(0).toUpperCase() + words.slice(1)}.
      </span>
    </Notice>
  )
}

function Sending({ state, onStop }: { state: ImportState; onStop: () => void }) {
  const { doneFiles, totalFiles, totalBytes, result } = state
  return (
    <Card
      title={`Importing ${formatPlural(totalFiles, "file")}`}
      aside={<Button onClick={onStop}>Stop</Button>}
    >
      <ProgressBar
        label="Import"
        value={progressOf(state)}
        max={1}
        left={`${formatCount(doneFiles)} of ${formatCount(totalFiles)}`}
        right={formatBytes(totalBytes)}
      />
      <p className={styles.hint} aria-live="polite">
        {formatCount(result.imported)} imported, {formatCount(result.skipped)} were there already,{" "}
        {formatCount(result.rejected.length)} rejected
      </p>
    </Card>
  )
}

/** Some systems do not know that the last ones are pictures. */
const IMAGE_TYPES = ["image/*", ".heic", ".heif", ".avif", ".mpo"]

function Chooser({ onChosen }: { onChosen: (chosen: Chosen) => void }) {
  const pick = (files: FileList | null) => files && onChosen(pickUploads(files))
  return (
    <DropZone
      className={styles.zone ?? ""}
      aria-label="Drop images here"
      onDrop={async ({ items }) => onChosen(await dropUploads(items))}
    >
      <ImageUp aria-hidden="true" strokeWidth={1.5} />
      <h2>Drop images or folders here</h2>
      <p>
        Each picture is checked as it arrives. Importing the same one again changes nothing, so a
        broken import can simply be repeated.
      </p>
      <div className={styles.buttons}>
        <FileTrigger allowsMultiple acceptedFileTypes={IMAGE_TYPES} onSelect={pick}>
          <PickerButton variant="primary">Choose images</PickerButton>
        </FileTrigger>
        <FileTrigger acceptDirectory onSelect={pick}>
          <PickerButton variant="secondary">Choose a folder</PickerButton>
        </FileTrigger>
      </div>
    </DropZone>
  )
}
