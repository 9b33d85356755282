import { gzipSync } from "node:zlib"
import type { Plugin } from "vite"

const TEXT = /\.(js|css|html|svg)$/

/** Writes what is text a second time, gzipped, so that the server need not do it for each reader. */
export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (!TEXT.test(file.fileName)) continue
          const content = file.type === "chunk" ? file.code : file.source
          const source = gzipSync(content, { level: 9 })
          this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source })
        }
      },
    },
  }
}
