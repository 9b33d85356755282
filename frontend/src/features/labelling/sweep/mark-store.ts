import { ANSWERS, type Answer } from "@/lib/answers"
import { type Marks, NO_MARKS } from "./marks"
import type { MarkStore } from "./sweep-state"

const isAnswer = (value: unknown): value is Answer => ANSWERS.includes(value as Answer)

/** Marks in the storage of the tab: they outlive a reload. Without storage they do not. */
export function markStore(storage: Pick<Storage, "getItem" | "setItem">, key: string): MarkStore {
  return {
    read: () => {
      try {
        return marksFrom(JSON.parse(storage.getItem(key) ?? "null"))
      } catch {
        return NO_MARKS
      }
    },
    write: ({ rest, own }) => {
      try {
        storage.setItem(key, JSON.stringify({ rest, own: [...own] }))
      } catch {
        // A full storage keeps nobody from answering.
      }
    },
  }
}

/** What was kept, whatever that is. */
function marksFrom(kept: unknown): Marks {
  if (typeof kept !== "object" || kept === null) return NO_MARKS
  const { rest, own } = kept as { rest?: unknown; own?: unknown }
  const pairs = Array.isArray(own) ? own : []
  const marks = pairs.filter((pair) => typeof pair?.[0] === "number" && isAnswer(pair[1]))
  return { rest: rest === "present" ? "present" : "absent", own: new Map(marks) }
}
