import { fileURLToPath } from "node:url"
import optimizeLocales from "@react-aria/optimize-locales-plugin"
import react from "@vitejs/plugin-react"
import { defineConfig } from "vitest/config"
import { compressed } from "./tools/compressed.ts"
import { loadedWith } from "./tools/loaded-with.ts"
import { scopedName } from "./tools/scoped-name.ts"
import { sizeBudget } from "./tools/size-budget.ts"

const SERVER = "http://127.0.0.1:8000"
const SHARED = /lucide-react\/dist\/esm\/icons\/|\/src\/lib\//
const LABEL_PAGE = "/routes/label-page.tsx"
const isLoadedWithIt = loadedWith(fileURLToPath(new URL(`./src${LABEL_PAGE}`, import.meta.url)))

export default defineConfig({
  plugins: [
    react(),
    { ...optimizeLocales.vite({ locales: ["en-US"] }), enforce: "pre" },
    sizeBudget(LABEL_PAGE, { first: 150_000, all: 172_000 }),
    compressed(),
  ],
  resolve: {
    alias: [
      { find: "@", replacement: fileURLToPath(new URL("./src", import.meta.url)) },
      // React has had the hook itself since version 18.
      {
        find: /^use-sync-external-store\/shim(\/index\.js)?/,
        replacement: "use-sync-external-store",
      },
    ],
  },
  server: {
    host: "127.0.0.1",
    // The annotators' guide lies with the other documents.
    fs: { allow: [".."] },
    proxy: { "/api": SERVER, "/health": SERVER },
  },
  css: { modules: { generateScopedName: scopedName } },
  build: {
    outDir: "../server/static",
    emptyOutDir: true,
    target: "es2023",
    // Every browser of the target preloads modules by itself.
    modulePreload: { polyfill: false },
    // Few files compress better, and take fewer requests, than many small ones.
    rolldownOptions: {
      output: {
        // The entry names every file: fewer characters tell builds apart as well.
        chunkFileNames: "assets/[name]-[hash:7].js",
        assetFileNames: "assets/[name]-[hash:6][extname]",
        codeSplitting: {
          groups: [
            { name: "start", tags: ["$initial"] },
            {
              name: (id, graph) => (isLoadedWithIt(id, graph) ? "shared" : null),
              test: SHARED,
              minShareCount: 6,
            },
            {
              debugName: "labelling",
              name: (id, graph) => (isLoadedWithIt(id, graph) ? "labelling" : null),
              test: /\/features\/labelling\//,
            },
          ],
        },
      },
    },
  },
  test: {
    environment: "happy-dom",
    // A context of its own for each file, as elsewhere, but the DOM's code is loaded once a thread.
    pool: "vmThreads",
    include: ["src/**/*.test.{ts,tsx}"],
    maxWorkers: 2,
    restoreMocks: true,
  },
})
