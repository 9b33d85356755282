import type { Label } from "@/api/images"

/** A label of the first person, with nothing in it but what is given. */
export const labelOf = (parts: Partial<Label>): Label => ({
  id: 1,
  image_id: 1,
  annotator_id: 1,
  annotator: "first@example.org",
  revision: 1,
  present: [],
  absent: [],
  unsure: [],
  points: [],
  tiles: null,
  skipped: null,
  active_ms: 4000,
  wall_ms: 5000,
  prefilled_by: null,
  prefilled: [],
  blind: false,
  resolves: false,
  partial: false,
  imported: null,
  created_at: "2026-01-02T03:04:05Z",
  ...parts,
})
