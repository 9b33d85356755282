/**
 * A configuration as dotted names and printed values, in its own order. Lists and tables of numbers
 * (a dataset's ids) are one value.
 */
export function flattenConfig(
  config: Readonly<Record<string, unknown>>,
  prefix = "",
): (readonly [name: string, value: string])[] {
  return Object.entries(config).flatMap(([name, value]) =>
    isGroup(value)
      ? flattenConfig(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, print(value)] as const],
  )
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !Object.keys(value).some((name) => /^\d+$/.test(name))

const print = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value)
