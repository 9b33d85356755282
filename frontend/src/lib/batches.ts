/** A file on its way to the server, with the name it will have there. */
export type Upload = { name: string; file: File }

const MAX_FILES = 8
const MAX_BYTES = 20_000_000

/**
 * Cuts the uploads, in order, into requests of at most 8 files and 20 MB, so that progress shows and
 * little is sent twice after a failure. A larger file travels alone.
 */
export function planBatches(uploads: readonly Upload[]): Upload[][] {
  const batches: Upload[][] = []
  let bytes = 0
  for (const upload of uploads) {
    const batch = batches.at(-1)
    if (batch && batch.length < MAX_FILES && bytes + upload.file.size <= MAX_BYTES) {
      batch.push(upload)
      bytes += upload.file.size
    } else {
      batches.push([upload])
      bytes = upload.file.size
    }
  }
  return batches
}
