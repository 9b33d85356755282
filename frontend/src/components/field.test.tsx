import { cleanup, render, screen } from "@testing-library/react"
import { afterEach, expect, test, vi } from "vitest"
import { TextField } from "./field"
import { Select } from "./select"

afterEach(cleanup)

test("a field's description and error are read out with it", () => {
  render(
    <TextField
      label="Name"
      value=""
      onChange={vi.fn()}
      description="As people call it."
      error="A name is missing."
    />,
  )
  const input = screen.getByLabelText("Name")
  expect(input.getAttribute("aria-invalid")).toBe("true")
  const notes = document.getElementById(input.getAttribute("aria-describedby") ?? "")
  expect(notes?.textContent).toBe("As people call it.A name is missing.")
})

test("a chosen option that is no longer offered is still shown, not silently replaced", () => {
  const options = [{ value: "a", label: "A" }]
  render(<Select<string> label="Recipe" options={options} value="gone" onChange={vi.fn()} />)
  const select = screen.getByLabelText<HTMLSelectElement>("Recipe")
  expect(select.value).toBe("gone")
})
