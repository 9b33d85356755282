import type { RunIn } from "@/api/runs"

/** One line of the form; `id` tells lines apart. */
export type OverrideRow = { id: number; name: string; value: string }

export type Overrides = RunIn["overrides"]

type Parsed = { overrides: Overrides; problems: Record<number, string> }

/**
 * Turns lines of text into overrides. A value that is JSON (a number, true, null, "quoted", a list)
 * is that; anything else is the text itself. Empty lines are left out.
 */
export function parseOverrides(rows: readonly OverrideRow[]): Parsed {
  const overrides: Overrides = {}
  const problems: Record<number, string> = {}
  for (const row of rows) {
    const name = row.name.trim()
    const value = row.value.trim()
    if (!name && !value) continue
    const problem = problemOf(name, value, overrides)
    if (problem) problems[row.id] = problem
    else overrides[name] = parseValue(value)
  }
  return { overrides, problems }
}

function problemOf(name: string, value: string, earlier: Overrides): string | null {
  if (!name) return "The name of a field is missing."
  if (!/^[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)*$/.test(name))
    return "A field is named like weights.point."
  if (!value) return "A value is missing."
  if (Object.hasOwn(earlier, name)) return "This field is set twice."
  return null
}

function parseValue(text: string): Overrides[string] {
  try {
    return JSON.parse(text) as Overrides[string]
  } catch {
    return text
  }
}
