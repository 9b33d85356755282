import { gzipSync } from "node:zlib"
import type { Plugin, Rolldown } from "vite"

type Bundle = Rolldown.OutputBundle

/**
 * Fails the build when what a page loads before it can be used weighs more than it may: the scripts
 * and styles of the entry and of the module `page`, with all that they import, gzipped.
 */
export function sizeBudget(page: string, mostBytes: number): Plugin {
  return {
    name: "size-budget",
    apply: "build",
    // After the styles have been taken out of the scripts.
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const bytes = weigh(bundle, loadedBy(bundle, page))
        const line = `${page}: ${bytes} bytes of scripts and styles, gzipped; at most ${mostBytes}`
        if (bytes > mostBytes) this.error(line)
        this.info(line)
      },
    },
  }
}

/** Names of all files that the entry and a page load at once. */
function loadedBy(bundle: Bundle, page: string): Set<string> {
  const chunks = Object.values(bundle).filter((each) => each.type === "chunk")
  const roots = chunks.filter((each) => each.isEntry || each.facadeModuleId?.endsWith(page))
  if (!roots.some((each) => !each.isEntry)) throw new Error(`no chunk is ${page}`)
  const found = new Set<string>()
  const waiting = roots.map((each) => each.fileName)
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const file = bundle[name]
    if (found.has(name) || !file) continue
    found.add(name)
    if (file.type === "asset") continue
    waiting.push(...file.imports, ...(file.viteMetadata?.importedCss ?? []))
  }
  return found
}

function weigh(bundle: Bundle, names: Iterable<string>): number {
  let bytes = 0
  for (const name of names) {
    const file = bundle[name]
    if (file) bytes += gzipSync(file.type === "chunk" ? file.code : file.source).length
  }
  return bytes
}
