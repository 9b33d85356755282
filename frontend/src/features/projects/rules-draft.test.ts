// @vitest-environment node
import { expect, it } from "vitest"
import type { Rules } from "@/api/rules"
import { draftOf, isChanged, PROJECT, publicationOf, sectionOf } from "./rules-draft"

const picture = { id: 7, width: 64, height: 48, url: "/7" }
const rules: Rules = {
  version: 3,
  created_at: null,
  author: null,
  seen: true,
  sections: [
    { category: null, category_id: null, text: "All", pictures: [{ caption: "kerb", picture }] },
    {
      category: "Car",
      category_id: 1,
      text: "Vans",
      pictures: [{ caption: "gone", picture: null }],
    },
    { category: "Tram", category_id: 2, text: "No more", pictures: [] },
  ],
}
const categories = [{ id: 1, name: "Car", color: "#000000", key: "c" }]

it("begins with what is there, without categories and pictures that are gone", () => {
  const draft = draftOf(rules, categories)
  expect(Object.keys(draft)).toEqual([PROJECT, "Car"])
  expect(sectionOf(draft, "Car")).toEqual({ text: "Vans", pictures: [] })
  expect(sectionOf(draft, "Road")).toEqual({ text: "", pictures: [] })
})

it("is published in place of the version that it was made of, without what says nothing", () => {
  const draft = { ...draftOf(rules, categories), Car: { text: "", pictures: [] } }
  expect(publicationOf(draft, rules.version)).toEqual({
    based_on: 3,
    sections: [{ category: null, text: "All", pictures: [{ id: 7, caption: "kerb" }] }],
  })
})

it("is changed once it says something else, and not by what says nothing", () => {
  const draft = draftOf(rules, categories)
  expect(isChanged(draft, rules, categories)).toBe(false)
  expect(isChanged({ ...draft, Bus: { text: "", pictures: [] } }, rules, categories)).toBe(false)
  expect(isChanged({ ...draft, Car: { text: "", pictures: [] } }, rules, categories)).toBe(true)
  const captioned = { text: "All", pictures: [{ picture, caption: "a kerb" }] }
  expect(isChanged({ ...draft, [PROJECT]: captioned }, rules, categories)).toBe(true)
})
