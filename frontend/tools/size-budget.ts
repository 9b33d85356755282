import { gzipSync } from "node:zlib"
import type { Plugin, Rolldown } from "vite"

type Bundle = Rolldown.OutputBundle

type Budget = {
  /** What the page loads before it can be used: the entry and the page, with all that they import. */
  first: number
  /** That and what the page fetches when it is needed, or once there is time. */
  all: number
}

/** Fails the build when the scripts and styles of the page that is the module `page` weigh more, gzipped. */
export function sizeBudget(page: string, most: Budget): Plugin {
  return {
    name: "size-budget",
    apply: "build",
    // After the styles have been taken out of the scripts.
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const entries = chunksOf(bundle).filter((each) => each.isEntry)
        const pages = chunksOf(bundle).filter((each) => each.facadeModuleId?.endsWith(page))
        if (pages.length === 0) throw new Error(`no chunk is ${page}`)
        const start = imported(bundle, fileNames(entries))
        const first = imported(bundle, [...start, ...fileNames(pages)])
        const own = chunksOf(bundle).filter(
          ({ fileName }) => first.has(fileName) && !start.has(fileName),
        )
        const later = own.flatMap((each) => each.dynamicImports)
        const bytes = {
          first: weigh(bundle, first),
          all: weigh(bundle, imported(bundle, [...first, ...later])),
        }
        const line = `${page}, gzipped: ${bytes.first} bytes of scripts and styles at first (at most ${most.first}), ${bytes.all} in all (at most ${most.all})`
        if (bytes.first > most.first || bytes.all > most.all) this.error(line)
        this.info(line)
      },
    },
  }
}

const chunksOf = (bundle: Bundle): Rolldown.OutputChunk[] =>
  Object.values(bundle).filter((each) => each.type === "chunk")

const fileNames = (chunks: Rolldown.OutputChunk[]): string[] => chunks.map((each) => each.fileName)

/** Names of the files and of all that they import at once. */
function imported(bundle: Bundle, names: string[]): Set<string> {
  const found = new Set<string>()
  const waiting = [...names]
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
