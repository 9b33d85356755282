import { type ComponentType, lazy, Suspense } from "react"

const PAUSE_MS = 2000

/**
 * A part of the page whose script is fetched by `preload`, or when it is shown first. Nothing stands
 * in its place till then; without a network it comes when there is one again.
 */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  let fetching: Promise<ComponentType<Props>> | null = null
  const fetched = () => {
    fetching ??= patiently(load)
    return fetching
  }
  const Fetched = lazy(async () => ({ default: await fetched() }))
  const Part = (props: Props) => (
    <Suspense>
      <Fetched {...props} />
    </Suspense>
  )
  return Object.assign(Part, { preload: () => void fetched() })
}

async function patiently<Value>(load: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await load()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}
