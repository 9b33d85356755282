import type { Category } from "@/api/projects"
import type { Rules, RulesIn, RulesPicture } from "@/api/rules"

export type DraftPicture = { picture: RulesPicture; caption: string }
export type DraftSection = { text: string; pictures: readonly DraftPicture[] }

/** By the name of a category; `PROJECT` for what is said of the project as a whole. */
export type RulesDraft = Readonly<Record<string, DraftSection>>

/** No category is called so. */
export const PROJECT = ""
export const MOST_PICTURES = 8
const NOTHING: DraftSection = { text: "", pictures: [] }

export const sectionOf = (draft: RulesDraft, name: string): DraftSection => draft[name] ?? NOTHING

/** Of rules as they are; what is said of categories that are gone, and deleted pictures, are left out. */
export function draftOf(rules: Rules, categories: readonly Category[]): RulesDraft {
  const ids = new Set<number | null>([null, ...categories.map(({ id }) => id)])
  const kept = rules.sections.filter(({ category_id: id }) => ids.has(id))
  return Object.fromEntries(
    kept.map(({ category, text, pictures }) => [
      category ?? PROJECT,
      {
        text,
        pictures: pictures.flatMap(({ picture, caption }) =>
          picture ? [{ picture, caption }] : [],
        ),
      },
    ]),
  )
}

/** Whether a draft says something else than the rules that it was made of. */
export function isChanged(
  draft: RulesDraft,
  rules: Rules,
  categories: readonly Category[],
): boolean {
  const said = (one: RulesDraft) => JSON.stringify(publicationOf(one, rules.version))
  return said(draft) !== said(draftOf(rules, categories))
}

/** What is sent to publish a draft in place of a version. */
export function publicationOf(draft: RulesDraft, version: number): RulesIn {
  const sections = Object.entries(draft).map(([name, { text, pictures }]) => ({
    category: name === PROJECT ? null : name,
    text,
    pictures: pictures.map(({ picture, caption }) => ({ id: picture.id, caption })),
  }))
  return { based_on: version, sections: sections.filter((one) => one.text || one.pictures.length) }
}
