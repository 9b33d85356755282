import { createStore, del, entries, get, set, type UseStore } from "idb-keyval"
import type { DraftStore, KeptDraft } from "./kept-drafts"
import type { Kept, Parcel, ParcelStore } from "./outbox"

/** Parcels in IndexedDB: they outlive a reload, a crash and a closed browser. */
export function parcelStore<P extends Kept = Parcel>(
  database: UseStore = createStore("weakseg-outbox", "labels"),
): ParcelStore<P> {
  return {
    all: async () => (await entries<string, P>(database)).map(([, parcel]) => parcel),
    put: (parcel) => set(parcel.id, parcel, database),
    has: async (id) => (await get<P>(id, database)) !== undefined,
    remove: (id) => del(id, database),
  }
}

/** Drafts in IndexedDB, beside the parcels. */
export function draftStore(
  database: UseStore = createStore("weakseg-drafts", "drafts"),
): DraftStore {
  const placeOf = ({ annotatorId, imageId }: KeptDraft) => `${annotatorId}/${imageId}`
  return {
    all: async () => (await entries<string, KeptDraft>(database)).map(([, draft]) => draft),
    put: (draft) => set(placeOf(draft), draft, database),
    remove: (draft) => del(placeOf(draft), database),
  }
}
