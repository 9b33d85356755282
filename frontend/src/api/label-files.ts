import type { Schemas } from "./client"
import { type Progress, send } from "./upload"

export type LabelFormat = Schemas["LabelFormat"]
export type LabelImportResult = Schemas["LabelImportResult"]
export type RejectedLabel = Schemas["RejectedLabel"]
export type MatchExample = Schemas["MatchExample"]

type FormatChoice = {
  value: LabelFormat
  label: string
  description: string
  /** Endings of its files' names. */
  endings: readonly string[]
}

/** What docs/formats.md says of each, in a line. */
export const LABEL_FORMATS: readonly FormatChoice[] = [
  {
    value: "jsonl",
    label: "Label file",
    description: "One JSON object a line; nothing is lost.",
    endings: [".jsonl", ".ndjson"],
  },
  {
    value: "csv",
    label: "CSV table",
    description: "One row for each image and category, for spreadsheets.",
    endings: [".csv"],
  },
  {
    value: "label-studio",
    label: "Label Studio",
    description: "JSON with choices and keypoints.",
    endings: [".json"],
  },
  {
    value: "cvat",
    label: "CVAT for images 1.1",
    description: "XML with tags and points.",
    endings: [".xml"],
  },
  {
    value: "coco",
    label: "COCO keypoints",
    description: "JSON; a point is an annotation with one keypoint.",
    endings: [".json"],
  },
]

/** Characters of a file's name that the server keeps; its end says most. */
const LONGEST_NAME = 255

export const labelExportUrl = (projectId: number, format: LabelFormat): string =>
  `/api/v1/projects/${projectId}/labels/export?format=${format}`

export type LabelImportOptions = {
  format: LabelFormat
  /** E-mail address of whose labels they become; empty: one's own. */
  annotator: string
  matchAuthors: boolean
  unmentioned: "not-asked" | "absent"
  /** What becomes of a label that the annotator has given already. */
  existing: "once" | "replace" | "keep"
  /** The file was exported by this server: its numbers of annotators are accounts here. */
  ownExport: boolean
}

/** Imports a file of labels, or says what would come of it. @throws {ApiProblem} when refused, unreachable, or stopped */
export function importLabels(
  projectId: number,
  file: File,
  options: LabelImportOptions,
  progress: Progress & { dryRun: boolean },
): Promise<LabelImportResult> {
  const query = new URLSearchParams({
    format: options.format,
    match_authors: String(options.matchAuthors),
    unmentioned: options.unmentioned,
    existing: options.existing,
    own_export: String(options.ownExport),
    dry_run: String(progress.dryRun),
    file_name: file.name.slice(-LONGEST_NAME),
  })
  if (options.annotator.trim()) query.set("annotator", options.annotator.trim())
  const url = `/api/v1/projects/${projectId}/labels/import?${query}`
  return send<LabelImportResult>(url, file, progress)
}
