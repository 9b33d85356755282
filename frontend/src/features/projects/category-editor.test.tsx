import { cleanup, render, screen } from "@testing-library/react"
import { userEvent } from "@testing-library/user-event"
import { useState } from "react"
import { afterEach, expect, test } from "vitest"
import { type CategoryDraft, storedDrafts } from "./category-draft"
import { CategoryEditor } from "./category-editor"

const STORED = [
  { id: 7, name: "Car", color: "#112233", key: "c" },
  { id: 8, name: "Bus", color: "#445566", key: "b" },
  { id: 9, name: "Tree", color: "#778899", key: "t" },
]

afterEach(cleanup)

function Editor() {
  const [drafts, setDrafts] = useState<CategoryDraft[]>(() => storedDrafts(STORED))
  return (
    <CategoryEditor
      drafts={drafts}
      onChange={setDrafts}
      stored={STORED}
      showProblems={false}
      error={undefined}
    />
  )
}

const names = () =>
  screen.getAllByRole<HTMLInputElement>("textbox", { name: /^Name/ }).map(({ value }) => value)

test("the keyboard moves a category, and its handle keeps the focus", async () => {
  render(<Editor />)
  screen.getByRole("button", { name: "Move category Car, 1 of 3" }).focus()
  await userEvent.keyboard("{ArrowDown}")
  expect(names()).toEqual(["Bus", "Car", "Tree"])
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Move category Car, 2 of 3")
  await userEvent.keyboard("{End}{ArrowDown}")
  expect(names()).toEqual(["Bus", "Tree", "Car"])
  await userEvent.keyboard("{Home}{ArrowUp}")
  expect(names()).toEqual(["Car", "Bus", "Tree"])
})

test("a key that another category has is refused as it is typed", async () => {
  render(<Editor />)
  const key = screen.getByRole("textbox", { name: "Key of category 2" })
  await userEvent.click(key)
  await userEvent.keyboard("C")
  expect(key.getAttribute("aria-invalid")).toBe("true")
  expect(screen.getByText("C is also the key of Car.")).toBeTruthy()
  await userEvent.clear(key)
  expect(screen.queryByText(/also the key/)).toBeNull()
})

test("a stored category that is removed can be kept after all", async () => {
  render(<Editor />)
  await userEvent.click(screen.getByRole("button", { name: "Remove category 2 Bus" }))
  expect(names()).toEqual(["Car", "Tree"])
  await userEvent.click(screen.getByRole("button", { name: "Keep Bus" }))
  expect(names()).toEqual(["Car", "Tree", "Bus"])
})
