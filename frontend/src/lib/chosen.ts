import type { Upload } from "./batches"

/** What was chosen or dropped: what is sent, and how much is left out for which reason. */
export type Chosen = { uploads: Upload[]; leftOut: ReadonlyMap<string, number> }

/** Endings of pictures, as `trainer.contract.walk` has them. */
const PICTURE_ENDINGS = new Set(
  (
    ".jpg .jpeg .jpe .jfif .jif .mpo .png .apng .webp .tif .tiff .bmp .dib .avif .avifs .heic " +
    ".heif .hif .jp2 .j2k .jpx .ppm .pgm .pbm .pnm"
  ).split(" "),
)

/** Files and folders that systems and programs keep for themselves, in lower case. */
const KEPT_BY_PROGRAMS = new Set([
  "@eadir",
  "@recycle",
  "#recycle",
  "#snapshot",
  "$recycle.bin",
  "__macosx",
  "system volume information",
  "lost+found",
  "thumbs.db",
  "ehthumbs.db",
  "desktop.ini",
  "icon\r",
])

const HIDDEN = "hidden"

const isHidden = (name: string): boolean =>
  name.startsWith(".") || KEPT_BY_PROGRAMS.has(name.toLowerCase())

/** Why a file is left out, by its path; null when it is sent. Chosen by itself, any file is meant. */
function whyLeftOut(path: string): string | null {
  const names = path.split("/")
  if (names.some(isHidden)) return HIDDEN
  if (names.length === 1) return null
  const ending = /[^.](\.[^.]+)$/.exec(names.at(-1) ?? "")?.[1]?.toLowerCase()
  if (ending === undefined) return "without an ending"
  if (PICTURE_ENDINGS.has(ending)) return null
  return /^\.[\p{L}\p{N}_]{1,10}$/u.test(ending) ? ending : "with another ending"
}

/** Sorts files into what is sent and what is left out. */
class Collected implements Chosen {
  readonly uploads: Upload[] = []
  readonly leftOut = new Map<string, number>()

  /** Counts a path that is left out; answers whether it is. */
  leavesOut(path: string): boolean {
    const reason = whyLeftOut(path)
    if (reason !== null) this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + 1)
    return reason !== null
  }
}

/** The files of a file input; of a chosen folder with their paths in it. */
export function pickUploads(files: Iterable<File>): Chosen {
  const collected = new Collected()
  for (const file of files) {
    const name = file.webkitRelativePath || file.name
    if (!collected.leavesOut(name)) collected.uploads.push({ name, file })
  }
  return collected
}

/** What a drop holds: the part of react-aria's `DropItem` that is needed here. */
export type Dropped =
  | { kind: "file"; name: string; getFile: () => Promise<File> }
  | { kind: "directory"; name: string; getEntries: () => AsyncIterable<Dropped> }
  | { kind: "text" }

/** All files that were dropped, those in folders with their paths. */
export async function dropUploads(items: Iterable<Dropped>): Promise<Chosen> {
  const collected = new Collected()
  for (const item of items) await collect(item, "", collected)
  return collected
}

async function collect(item: Dropped, folder: string, into: Collected): Promise<void> {
  if (item.kind === "text") return
  const name = folder + item.name
  if (item.kind === "file") {
    if (!into.leavesOut(name)) into.uploads.push({ name, file: await item.getFile() })
  } else if (isHidden(item.name)) {
    into.leavesOut(name)
  } else {
    for await (const entry of item.getEntries()) await collect(entry, `${name}/`, into)
  }
}

/** `left out: 2 hidden, 3 .pdf`; empty when nothing was. */
export function describeLeftOut({ leftOut }: Chosen): string {
  const counts = [...leftOut].sort(
    ([one, many], [other, more]) =>
      Number(one.startsWith(".")) - Number(other.startsWith(".")) || more - many,
  )
  const words = counts.map(([reason, count]) => `${count} ${reason}`).join(", ")
  return words && `left out: ${words}`
}
