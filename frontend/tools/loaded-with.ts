type Graph = {
  getModuleInfo: (id: string) => { importedIds: readonly string[] } | null
}

/** Says of a module whether a page has it from the start: imported by it at once, not on demand. */
export function loadedWith(page: string): (id: string, graph: Graph) => boolean {
  const found = new Set<string>()
  return (id, graph) => {
    if (found.size === 0) follow(page, graph, found)
    return found.has(id)
  }
}

function follow(id: string, graph: Graph, found: Set<string>): void {
  if (found.has(id)) return
  found.add(id)
  for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) follow(imported, graph, found)
}
