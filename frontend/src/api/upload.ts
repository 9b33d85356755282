import { ApiProblem, toProblem } from "./client"
import type { ImportResult } from "./images"
import { uploadUrl } from "./images"

export type Progress = {
  /** Told how many bytes of the body have left. */
  onProgress: (sent: number) => void
  signal: AbortSignal
}

type Sending = Progress & { projectId: number; body: FormData | Blob }

/**
 * Sends files or a manifest to be imported.
 * @throws {ApiProblem} when refused, unreachable, or stopped (code `stopped`)
 */
export const sendImport = ({ projectId, body, ...progress }: Sending): Promise<ImportResult> => {
  const manifest = body instanceof Blob ? new Blob([body], { type: "application/x-ndjson" }) : null
  return send<ImportResult>(uploadUrl(projectId), manifest ?? body, progress)
}

/**
 * Posts a body that may be large, with its own type. XMLHttpRequest, because `fetch` does
 * not tell how much has been sent.
 * @throws {ApiProblem} when refused, unreachable, or stopped (code `stopped`)
 */
export function send<Result>(
  url: string,
  body: FormData | Blob,
  { onProgress, signal }: Progress,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open("POST", url)
    request.responseType = "json"
    request.upload.onprogress = ({ loaded }) => onProgress(loaded)
    request.onload = () =>
      request.status === 200
        ? resolve(request.response as Result)
        : reject(toProblem(request.response, request.status))
    request.onerror = () => reject(new ApiProblem("The connection was lost.", 0, "unreachable"))
    request.onabort = () => reject(new ApiProblem("The import was stopped.", 0, "stopped"))
    signal.addEventListener("abort", () => request.abort())
    request.send(body)
  })
}
