import type { Project } from "@/api/projects"
import { progressOf } from "@/api/projects"
import { ProgressBar } from "@/components/progress-bar"
import { formatCount, formatPlural } from "@/lib/format"

/** How far a project is in words: answers where several people label an image, and images. */
export function progressWords(project: Pick<Project, "images">) {
  const { done, wanted, noun } = progressOf(project)
  const { ready, registered, labelled } = project.images
  const usable = formatPlural(ready + registered, "image")
  if (noun === "image")
    return { what: "Labelled images", left: `${formatCount(done)} labelled`, right: usable }
  return {
    what: "Answers",
    left: `${formatCount(done)} of ${formatPlural(wanted, noun)}`,
    right: `${formatCount(labelled)} of ${usable} done`,
  }
}

type ProgressProps = { project: Project; isNamed?: boolean }

/** The bar of a project's progress; it names the project where several stand beside each other. */
export function Progress({ project, isNamed = false }: ProgressProps) {
  const { done, wanted } = progressOf(project)
  const { what, left, right } = progressWords(project)
  return (
    <ProgressBar
      label={isNamed ? `${what} of ${project.name}` : what}
      value={done}
      max={wanted}
      left={wanted === 0 && isNamed ? "No images yet" : left}
      right={wanted === 0 && isNamed ? null : right}
    />
  )
}
