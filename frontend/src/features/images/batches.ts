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

/** Files that systems leave in folders and nobody means to import. */
const isHidden = (name: string): boolean => /(^|\/)(\.|Thumbs\.db$|desktop\.ini$)/.test(name)

/** The files of a file input; of a chosen folder with their paths in it. */
export const pickUploads = (files: Iterable<File>): Upload[] =>
  [...files]
    .map((file) => ({ name: file.webkitRelativePath || file.name, file }))
    .filter(({ name }) => !isHidden(name))

/** What a drop holds: the part of react-aria's `DropItem` that is needed here. */
export type Dropped =
  | { kind: "file"; name: string; getFile: () => Promise<File> }
  | { kind: "directory"; name: string; getEntries: () => AsyncIterable<Dropped> }
  | { kind: "text" }

/** All files that were dropped, those in folders with their paths. */
export async function dropUploads(items: Iterable<Dropped>): Promise<Upload[]> {
  const uploads: Upload[] = []
  for (const item of items) await collect(item, "", uploads)
  return uploads
}

async function collect(item: Dropped, folder: string, into: Upload[]): Promise<void> {
  if (item.kind === "text") return
  const name = folder + item.name
  if (isHidden(name)) return
  if (item.kind === "file") {
    into.push({ name, file: await item.getFile() })
    return
  }
  for await (const entry of item.getEntries()) await collect(entry, `${name}/`, into)
}
