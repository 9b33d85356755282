import { cleanup, render, screen } from "@testing-library/react"
import { afterEach, expect, it } from "vitest"
import guide from "../../../docs/annotators.md?raw"
import { Markdown } from "./markdown"

afterEach(cleanup)

const shown = (text: string) => render(<Markdown text={text} top={3} />).container

it("makes elements of what Markdown has", () => {
  const page = shown(
    "# Kerbs\n\nare **Road**, *always*\n\n1. `one`\n2. two\n\n> said\n\n| a | b |\n|---|---|\n| 1 | 2 |",
  )
  expect(page.querySelector("h3")?.textContent).toBe("Kerbs")
  expect(page.querySelector("strong")?.textContent).toBe("Road")
  expect([...page.querySelectorAll("ol > li")].map((one) => one.textContent)).toEqual([
    "one",
    "two",
  ])
  expect(page.querySelector("blockquote")?.textContent).toBe("said")
  expect([...page.querySelectorAll("td")].map((one) => one.textContent)).toEqual(["1", "2"])
})

it("shows HTML as the text that it is", () => {
  const page = shown("<script>alert(1)</script>\n\nand <img src=x onerror=alert(2)> <b>bold</b>")
  expect(page.querySelector("script, img, b")).toBeNull()
  expect(page.textContent).toContain("<script>alert(1)</script>")
  expect(page.textContent).toContain("<img src=x onerror=alert(2)>")
})

it("has links to the web alone, and no pictures from elsewhere", () => {
  const page = shown(
    "[web](https://example.org) [script](javascript:alert(1)) [data](data:text/html,x) ![seen](https://example.org/a.png)",
  )
  expect(screen.getAllByRole("link").map((link) => link.getAttribute("href"))).toEqual([
    "https://example.org",
  ])
  expect(page.querySelector("img")).toBeNull()
  for (const text of ["script", "data", "seen"]) expect(page.textContent).toContain(text)
})

it("reads all of the annotators' guide", () => {
  const page = render(<Markdown text={guide} top={1} />).container
  expect(page.querySelectorAll("h1")).toHaveLength(1)
  expect(page.querySelectorAll("table").length).toBeGreaterThan(2)
  expect(page.textContent).not.toMatch(/\*\*|\|---/)
})
