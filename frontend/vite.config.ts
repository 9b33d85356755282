import { fileURLToPath } from "node:url"
import optimizeLocales from "@react-aria/optimize-locales-plugin"
import react from "@vitejs/plugin-react"
import { defineConfig } from "vitest/config"
import { compressed } from "./tools/compressed.ts"
import { sizeBudget } from "./tools/size-budget.ts"

const SERVER = "http://127.0.0.1:8000"

export default defineConfig({
  plugins: [
    react(),
    { ...optimizeLocales.vite({ locales: ["en-US"] }), enforce: "pre" },
    sizeBudget("/routes/label-page.tsx", 156_000),
    compressed(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { host: "127.0.0.1", proxy: { "/api": SERVER, "/health": SERVER } },
  build: { outDir: "../server/static", emptyOutDir: true, target: "es2023" },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    maxWorkers: 2,
    restoreMocks: true,
  },
})
