import { redirect } from "@tanstack/react-router"
import { sessionsQuery, tokensQuery, usersQuery } from "@/api/accounts"
import { parseImageFilter, parseListPlace } from "@/api/image-filter"
import { type ImageFilter, imageQuery, imagesQuery, type ListPlace } from "@/api/images"
import { leads } from "@/api/members"
import { datasetsQuery, firstStepsQuery, recipesQuery } from "@/api/project-settings"
import { projectQuery } from "@/api/projects"
import { agreementQuery } from "@/api/quality"
import { rulesQuery } from "@/api/rules"
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

export const images = ({ context, params, deps }: OfProject & { deps: ImageFilter & ListPlace }) =>
  context.queryClient.ensureInfiniteQueryData(
    imagesQuery(params.projectId, parseImageFilter(deps), parseListPlace(deps)),
  )

export const image = ({ context, params }: OfImage) =>
  context.queryClient.ensureQueryData(imageQuery(params.imageId))

/** An answer is changed as it is now. */
export const freshImage = ({ context, params }: OfImage) =>
  context.queryClient.fetchQuery(imageQuery(params.imageId))

/** Sends to the project's overview whoever does not lead it; the server refuses them anyway. */
export async function leadOnly({ context, params }: OfProject) {
  const project = await context.queryClient.ensureQueryData(projectQuery(params.projectId))
  if (!leads(project)) throw redirect({ to: "/projects/$projectId", params })
}

/** The first steps stand above all else of the page, which they would push down if they came later. */
export async function overview({ context: { queryClient }, params }: OfProject) {
  const project = await queryClient.ensureQueryData(projectQuery(params.projectId))
  if (leads(project)) {
    await queryClient.ensureQueryData(firstStepsQuery(params.projectId)).catch(() => null)
  }
}

/** What a project is made of. */
export const choices = ({ context: { queryClient } }: Entering) =>
  Promise.all([
    queryClient.ensureQueryData(datasetsQuery),
    queryClient.ensureQueryData(recipesQuery),
  ])

export async function settings(entering: OfProject) {
  await leadOnly(entering)
  await choices(entering)
}

export async function agreement(entering: OfProject) {
  await leadOnly(entering)
  const { context, params } = entering
  await context.queryClient.ensureQueryData(agreementQuery(params.projectId))
}

export const rules = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(rulesQuery(params.projectId))

export const runs = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(runsQuery(params.projectId))

export const run = ({ context, params }: OfRun) =>
  context.queryClient.ensureQueryData(runQuery(params.runId))

export const costCurve = ({ context, params }: OfProject) =>
  context.queryClient.ensureQueryData(costCurveQuery(params.projectId))
