import type { Mode as ModeName, Project } from "@/api/projects"
import type { Mode, Rules } from "./mode"
import { points } from "./points"
import { tags } from "./tags"
import { tagsAndPoints } from "./tags-and-points"
import { tiles } from "./tiles"

const MODES: Readonly<Record<ModeName, Mode>> = {
  tags,
  points,
  "tags-and-points": tagsAndPoints,
  tiles,
}

type Form = Pick<Project, "categories" | "mode" | "points_per_category" | "tile_rows" | "tile_cols">

export function rulesOf(project: Form): Rules {
  const { categories, mode, points_per_category, tile_rows, tile_cols } = project
  const grid = { rows: tile_rows, cols: tile_cols }
  return { categories, mode: MODES[mode], pointsPerCategory: points_per_category, grid }
}
