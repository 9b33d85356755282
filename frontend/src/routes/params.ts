/** How the numbers in addresses are read and written. */
export const numericProject = {
  parse: ({ projectId }: { projectId: string }) => ({ projectId: Number(projectId) }),
  stringify: ({ projectId }: { projectId: number }) => ({ projectId: String(projectId) }),
}

export const numericImage = {
  parse: ({ imageId }: { imageId: string }) => ({ imageId: Number(imageId) }),
  stringify: ({ imageId }: { imageId: number }) => ({ imageId: String(imageId) }),
}

export const numericRun = {
  parse: ({ runId }: { runId: string }) => ({ runId: Number(runId) }),
  stringify: ({ runId }: { runId: number }) => ({ runId: String(runId) }),
}
