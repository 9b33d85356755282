import { createStore, del, entries, get, set, type UseStore } from "idb-keyval"
import type { Parcel, ParcelStore } from "./outbox"

/** Parcels in IndexedDB: they outlive a reload, a crash and a closed browser. */
export function parcelStore(
  database: UseStore = createStore("weakseg-outbox", "labels"),
): ParcelStore {
  return {
    all: async (annotatorId) => {
      const kept = await entries<string, Parcel>(database)
      return kept.map(([, parcel]) => parcel).filter((one) => one.annotatorId === annotatorId)
    },
    put: (parcel) => set(parcel.id, parcel, database),
    has: async (id) => (await get<Parcel>(id, database)) !== undefined,
    remove: (id) => del(id, database),
  }
}
