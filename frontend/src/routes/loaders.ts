import { sessionsQuery, tokensQuery, usersQuery } from "@/api/accounts"
import { type ImageFilter, imageQuery, imagesQuery } from "@/api/images"
import { agreementQuery } from "@/api/quality"
import { costCurveQuery, runQuery, runsQuery } from "@/api/runs"
import type { Context } from "./access"

// What pages ask the server for before they are shown. It has a script of its own, which labelling
// does without.

type Entering = { context: Context }
type OfProject = Entering & { params: { projectId: number } }
type OfImage = Entering & { params: { imageId: number } }
type OfRun = Entering & { params: { runId: number } }

export const account = ({ context: { queryClient } }: Entering) =>
  Promise.all([
    queryClient.ensureQueryData(tokensQuery),
    queryClient.ensureQueryData(sessionsQuery),
  ])

export const users = ({ context }: Entering) => context.queryClient.ensureQueryData(usersQuery)

export const images = ({ context, params, deps }: OfProject & { deps: ImageFilter }) =>
  context.queryClient.ensureInfiniteQueryData(imagesQuery(params.projectId, deps))

export const image = ({ context, params }: OfImage) =>
  context.queryClient.ensureQueryData(imageQuery(params.imageId))

/** An answer is changed as it is now. */
export const freshImage = ({ context, params }: OfImage) =>
  context.queryClient.fetchQuery(imageQuery(params.imageId))

export const agreement = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(agreementQuery(params.projectId))

export const runs = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(runsQuery(params.projectId))

export const run = ({ context, params }: OfRun) =>
  context.queryClient.ensureQueryData(runQuery(params.runId))

export const costCurve = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(costCurveQuery(params.projectId))
