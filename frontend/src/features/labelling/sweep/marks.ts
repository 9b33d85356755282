import { type Answer, EMPTY_SHEET, type Sheet } from "./answers"
import type { MarkStore } from "./sweep-state"

const isAnswer = (value: unknown): value is Answer =>
  value === "present" || value === "absent" || value === "unsure"

/** Marks in the storage of the tab: they outlive a reload. Without storage they do not. */
export function markStore(storage: Pick<Storage, "getItem" | "setItem">, key: string): MarkStore {
  return {
    read: () => {
      try {
        return sheetFrom(JSON.parse(storage.getItem(key) ?? "null"))
      } catch {
        return EMPTY_SHEET
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
function sheetFrom(kept: unknown): Sheet {
  if (typeof kept !== "object" || kept === null) return EMPTY_SHEET
  const { rest, own } = kept as { rest?: unknown; own?: unknown }
  const pairs = Array.isArray(own) ? own : []
  const marks = pairs.filter((pair) => typeof pair?.[0] === "number" && isAnswer(pair[1]))
  return { rest: rest === "present" ? "present" : "absent", own: new Map(marks) }
}
