import { useMutation, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { FileTrigger } from "react-aria-components"
import { messageOf } from "@/api/client"
import { projectsQuery } from "@/api/projects"
import { sendImport } from "@/api/upload"
import { Card } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { PickerButton } from "@/components/picker-button"
import { ProgressBar } from "@/components/progress-bar"
import { formatBytes } from "@/lib/format"
import styles from "./import.module.css"
import { ImportResultView } from "./import-result"

const EXAMPLE = `{"uri": "cam3/0123.jpg"}
{"uri": "cam3/0124.jpg", "split": "train"}`

/** Registers images that the server can reach by itself, named in a file. */
export function ManifestPanel({ projectId }: { projectId: number }) {
  const [sent, setSent] = useState(0)
  const queryClient = useQueryClient()
  const registration = useMutation({
    mutationFn: (manifest: File) =>
      sendImport({
        projectId,
        body: manifest,
        onProgress: setSent,
        signal: new AbortController().signal,
      }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey }),
  })
  useLoss("The manifest is still being sent.", registration.isPending)
  const manifest = registration.variables
  const choose = (files: FileList | null) => {
    if (files?.[0]) registration.mutate(files[0])
  }
  return (
    <Card title="Import by manifest">
      <p className={styles.hint}>
        For images that the server can already reach: one JSON object a line. A <code>uri</code> is
        a path below the server's image root, or https:// of an allowed host. Pictures are checked
        in the background. A line that is not of this form is named, and then nothing is imported.
        An address that is not allowed is named too, and the other lines are imported.
      </p>
      <pre className={styles.code}>{EXAMPLE}</pre>
      {registration.isPending && manifest && (
        <ProgressBar
          label="Manifest"
          value={sent}
          max={manifest.size}
          left={manifest.name}
          right={formatBytes(manifest.size)}
        />
      )}
      {registration.error && <Notice tone="bad">{messageOf(registration.error)}</Notice>}
      {registration.data && <ImportResultView result={registration.data} projectId={projectId} />}
      <div>
        <FileTrigger
          acceptedFileTypes={[".ndjson", ".jsonl", "application/x-ndjson"]}
          onSelect={choose}
        >
          <PickerButton variant="secondary" isPending={registration.isPending}>
            Choose a manifest
          </PickerButton>
        </FileTrigger>
      </div>
    </Card>
  )
}
