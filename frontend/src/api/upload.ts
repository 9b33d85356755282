import { ApiProblem, toProblem } from "./client"
import type { ImportResult } from "./images"
import { uploadUrl } from "./images"

type Sending = {
  projectId: number
  body: FormData | Blob
  /** Told how many bytes of the body have left. */
  onProgress: (sent: number) => void
  signal: AbortSignal
}

/**
 * Sends files or a manifest to be imported. XMLHttpRequest, because `fetch` does not tell how much
 * has been sent. @throws {ApiProblem} when refused, unreachable, or stopped (code `stopped`)
 */
export function sendImport({
  projectId,
  body,
  onProgress,
  signal,
}: Sending): Promise<ImportResult> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open("POST", uploadUrl(projectId))
    request.responseType = "json"
    if (body instanceof Blob) request.setRequestHeader("Content-Type", "application/x-ndjson")
    request.upload.onprogress = ({ loaded }) => onProgress(loaded)
    request.onload = () =>
      request.status === 200
        ? resolve(request.response as ImportResult)
        : reject(toProblem(request.response, request.status))
    request.onerror = () => reject(new ApiProblem("The connection was lost.", 0, "unreachable"))
    request.onabort = () => reject(new ApiProblem("The import was stopped.", 0, "stopped"))
    signal.addEventListener("abort", () => request.abort())
    request.send(body)
  })
}
