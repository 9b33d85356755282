import { useMutation, useQueryClient } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { requeueImages } from "@/api/images"
import { projectQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import { formatPlural } from "@/lib/format"

type RequeueDialogProps = {
  projectId: number
  imageIds: readonly number[]
  isOpen: boolean
  onClose: () => void
  onDone?: () => void
}

/** Asks before images are given to people once more. */
export function RequeueDialog(props: RequeueDialogProps) {
  const { projectId, imageIds, isOpen, onClose, onDone } = props
  const queryClient = useQueryClient()
  const requeue = useMutation({
    mutationFn: () => requeueImages(projectId, imageIds),
    onSuccess: async (opened) => {
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: projectQuery(projectId).queryKey }),
        queryClient.invalidateQueries({ queryKey: ["images"] }),
      ])
      showToast(outcome(opened, imageIds.length))
      onClose()
      onDone?.()
    },
  })
  const images = formatPlural(imageIds.length, "image")
  return (
    <Dialog title={`Hand out ${images} again?`} isOpen={isOpen} onClose={onClose}>
      <p>
        People are asked for them anew. What was said so far stays in the history, and counts until
        the same person says something else.
      </p>
      {requeue.error && <Notice tone="bad">{messageOf(requeue.error)}</Notice>}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          variant="primary"
          isPending={requeue.isPending}
          onClick={() => requeue.mutate()}
          data-autofocus
        >
          Hand out again
        </Button>
      </DialogActions>
    </Dialog>
  )
}

function outcome(opened: number, wanted: number): string {
  if (opened === 0) return "Nobody has finished them yet: they are handed out already"
  const rest = wanted > opened ? `, the other ${wanted - opened} already were` : ""
  return `${formatPlural(opened, "image")} will be handed out again${rest}`
}
