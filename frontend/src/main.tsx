import { QueryClientProvider } from "@tanstack/react-query"
import { RouterProvider } from "@tanstack/react-router"
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { queryClient } from "@/api/query-client"
import { preloadStates } from "@/routes/lazy-states"
import { router } from "@/routes/router"
import "@/styles/base.css"

/** By then the first page stands, and what it has gone without so far has the network to itself. */
const AFTERWARDS_MS = 5000

const root = document.getElementById("root")
if (!root) throw new Error("index.html has no #root")

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)

setTimeout(preloadStates, AFTERWARDS_MS)
