import { queryOptions } from "@tanstack/react-query"
import { ApiProblem, client, type Schemas, unwrap } from "./client"
import type { ImportResult } from "./images"
import { type Progress, send } from "./upload"

export type Upload = Schemas["UploadOut"]
export type UploadChange = Schemas["UploadChange"]

const at = (id: number) => ({ params: { path: { upload_id: id } } })

export const uploadsQuery = queryOptions({
  queryKey: ["dataset-uploads"],
  queryFn: () => unwrap(client.GET("/api/v1/dataset-uploads")),
})

const LOOK_AGAIN_MS = 1500

/** One upload, looked at again while a worker checks it. */
export const uploadQuery = (id: number) =>
  queryOptions({
    queryKey: ["dataset-uploads", id],
    queryFn: () => unwrap(client.GET("/api/v1/dataset-uploads/{upload_id}", at(id))),
    refetchInterval: ({ state }) => (state.data?.state === "checking" ? LOOK_AGAIN_MS : false),
  })

/** The first pictures with their masks, as they were when the upload last changed its state. */
export const pairsQuery = ({ id, state, pairs }: Upload) =>
  queryOptions({
    queryKey: ["dataset-uploads", id, "pairs", state, pairs],
    queryFn: () => unwrap(client.GET("/api/v1/dataset-uploads/{upload_id}/pairs", at(id))),
  })

export const createUpload = (name: string) =>
  unwrap(client.POST("/api/v1/dataset-uploads", { body: { name, description: "" } }))

export const changeUpload = (id: number, body: UploadChange) =>
  unwrap(client.PATCH("/api/v1/dataset-uploads/{upload_id}", { ...at(id), body }))

export const checkUpload = (id: number, leaveOut: boolean) =>
  unwrap(
    client.POST("/api/v1/dataset-uploads/{upload_id}/check", {
      ...at(id),
      body: { leave_out: leaveOut },
    }),
  )

export const removeUpload = (id: number) =>
  unwrap(client.DELETE("/api/v1/dataset-uploads/{upload_id}", at(id)))

const url = (id: number) => `/api/v1/dataset-uploads/${id}`

/** Sends pictures and masks. @throws {ApiProblem} */
export const sendFiles = (id: number, files: FormData, progress: Progress) =>
  send<ImportResult>(`${url(id)}/files`, files, progress)

const PIECE = 8 * 2 ** 20

/**
 * Sends an archive piece by piece, from where the server has it on.
 * @throws {ApiProblem} when refused, unreachable, or stopped (code `stopped`)
 */
export async function sendArchive(
  id: number,
  file: File,
  { onProgress, signal }: Progress,
): Promise<void> {
  const known = await unwrap(client.GET("/api/v1/dataset-uploads/{upload_id}", at(id)))
  let offset = known.archive_size === file.size ? known.archive_bytes : 0
  while (offset < file.size) {
    if (signal.aborted) throw new ApiProblem("The upload was stopped.", 0, "stopped")
    const begin = offset
    const piece = new Blob([file.slice(begin, begin + PIECE)], {
      type: "application/octet-stream",
    })
    const query = `offset=${begin}&size=${file.size}`
    const answer = await send<Upload>(`${url(id)}/archive?${query}`, piece, {
      onProgress: (sent) => onProgress(begin + sent),
      signal,
    })
    offset = answer.archive_bytes
  }
}
