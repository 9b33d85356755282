import type { Project } from "@/api/projects"
import { formatCount, formatPlural } from "./format"

/** Whether some images are, or were, for several people: then answers are counted. */
export const countsAnswers = ({ images, overlap }: Pick<Project, "images" | "overlap">): boolean =>
  overlap > 1 || images.answers_wanted > images.ready + images.registered

/** How far labelling is: in images, or in answers where several people label one. */
export function progressOf(project: Pick<Project, "images" | "overlap">) {
  const { ready, registered, labelled, answers, answers_wanted } = project.images
  const usable = ready + registered
  if (!countsAnswers(project)) {
    return {
      done: labelled,
      wanted: usable,
      left: usable - labelled,
      noun: "image",
      text: `${formatCount(labelled)} labelled`,
      images: formatPlural(usable, "image"),
    }
  }
  return {
    done: answers,
    wanted: answers_wanted,
    left: answers_wanted - answers,
    noun: "answer",
    text: `${formatCount(answers)} of ${formatPlural(answers_wanted, "answer")}`,
    images: `${formatCount(labelled)} of ${formatPlural(usable, "image")} done`,
  }
}
