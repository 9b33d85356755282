import { createRoute, lazyFn, lazyRouteComponent, redirect } from "@tanstack/react-router"
import type { ImageFilter, ListPlace } from "@/api/images"
import { projectQuery, projectsQuery } from "@/api/projects"
import { only, signedInOnly } from "./access"
import { label } from "./label-route"
import { numericImage, numericProject, numericRun } from "./params"
import { root } from "./root"
import { signIn } from "./sign-in-route"
import { SignedInGate } from "./signed-in-gate"
import { sweep } from "./sweep-route"
import type { TimesSearch } from "./times-search"

const loaders = () => import("./loaders")

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: signedInOnly,
  component: SignedInGate,
})

const shell = createRoute({
  getParentRoute: () => signedIn,
  id: "shell",
  loader: ({ context }) => context.queryClient.ensureQueryData(projectsQuery),
  component: lazyRouteComponent(() => import("./shell"), "Shell"),
})

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/projects" })
  },
})

const projects = createRoute({
  getParentRoute: () => shell,
  path: "/projects",
  component: lazyRouteComponent(() => import("./projects-page"), "ProjectsPage"),
})

const newProject = createRoute({
  getParentRoute: () => shell,
  path: "/projects/new",
  beforeLoad: only("engineer"),
  loader: lazyFn(loaders, "choices"),
  component: lazyRouteComponent(() => import("./new-project-page"), "NewProjectPage"),
})

const guide = createRoute({
  getParentRoute: () => shell,
  path: "/guide",
  component: lazyRouteComponent(() => import("./guide-page"), "GuidePage"),
})

const account = createRoute({
  getParentRoute: () => shell,
  path: "/account",
  loader: lazyFn(loaders, "account"),
  component: lazyRouteComponent(() => import("./account-page"), "AccountPage"),
})

const users = createRoute({
  getParentRoute: () => shell,
  path: "/users",
  beforeLoad: only("admin"),
  loader: lazyFn(loaders, "users"),
  component: lazyRouteComponent(() => import("./users-page"), "UsersPage"),
})

const audit = createRoute({
  getParentRoute: () => shell,
  path: "/audit",
  beforeLoad: only("admin"),
  loader: lazyFn(loaders, "users"),
  component: lazyRouteComponent(() => import("./users-page"), "AuditPage"),
})

/** All of them, or one upload. */
const datasets = createRoute({
  getParentRoute: () => shell,
  path: "/datasets",
  validateSearch: ({ upload }: Record<string, unknown>): { upload?: number } =>
    Number(upload) > 0 ? { upload: Number(upload) } : {},
  beforeLoad: only("engineer"),
  component: lazyRouteComponent(() => import("./datasets-page"), "DatasetsPage"),
})

const project = createRoute({
  getParentRoute: () => shell,
  path: "/projects/$projectId",
  params: numericProject,
  loader: (to) => to.context.queryClient.ensureQueryData(projectQuery(to.params.projectId)),
  component: lazyRouteComponent(() => import("./project-layout"), "ProjectLayout"),
})

const overview = createRoute({
  getParentRoute: () => project,
  path: "/",
  loader: lazyFn(loaders, "overview"),
  component: lazyRouteComponent(() => import("./overview-page"), "OverviewPage"),
})

// What is in an address is looked at by who uses it, in scripts that labelling does without.
const asImageSearch = (search: Record<string, unknown>) => search as ImageFilter & ListPlace

const images = createRoute({
  getParentRoute: () => project,
  path: "/images",
  validateSearch: asImageSearch,
  loaderDeps: ({ search }) => search,
  loader: lazyFn(loaders, "images"),
  component: lazyRouteComponent(() => import("./images-page"), "ImagesPage"),
})

const importImages = createRoute({
  getParentRoute: () => project,
  path: "/images/import",
  loader: lazyFn(loaders, "leadOnly"),
  component: lazyRouteComponent(() => import("./import-page"), "ImportPage"),
})

const image = createRoute({
  getParentRoute: () => project,
  path: "/images/$imageId",
  params: numericImage,
  // The list in which the image was found.
  validateSearch: asImageSearch,
  loader: lazyFn(loaders, "image"),
  component: lazyRouteComponent(() => import("./image-page"), "ImagePage"),
})

/** One's own answer to an image, or a reviewer's. */
const answer = createRoute({
  getParentRoute: () => project,
  path: "/images/$imageId/answer",
  params: numericImage,
  validateSearch: asImageSearch,
  loader: lazyFn(loaders, "freshImage"),
  component: lazyRouteComponent(() => import("./answer-page"), "AnswerPage"),
})

const quality = createRoute({
  getParentRoute: () => project,
  path: "/quality",
  loader: lazyFn(loaders, "agreement"),
  component: lazyRouteComponent(() => import("./quality-page"), "QualityPage"),
})

/** Disputed images, one after the other. */
const review = createRoute({
  getParentRoute: () => project,
  path: "/quality/review",
  loader: lazyFn(loaders, "leadOnly"),
  component: lazyRouteComponent(() => import("./review-page"), "ReviewPage"),
})

const flags = createRoute({
  getParentRoute: () => project,
  path: "/flags",
  validateSearch: ({ state }: Record<string, unknown>): { state?: "answered" } =>
    state === "answered" ? { state } : {},
  component: lazyRouteComponent(() => import("./flags-page"), "FlagsPage"),
})

const rules = createRoute({
  getParentRoute: () => project,
  path: "/rules",
  loader: lazyFn(loaders, "rules"),
  component: lazyRouteComponent(() => import("./rules-page"), "RulesPage"),
})

const team = createRoute({
  getParentRoute: () => project,
  path: "/team",
  component: lazyRouteComponent(() => import("./quality-page"), "TeamPage"),
})

const runs = createRoute({
  getParentRoute: () => project,
  path: "/runs",
  loader: lazyFn(loaders, "runs"),
  component: lazyRouteComponent(() => import("./runs-page"), "RunsPage"),
})

const run = createRoute({
  getParentRoute: () => project,
  path: "/runs/$runId",
  params: numericRun,
  loader: lazyFn(loaders, "run"),
  component: lazyRouteComponent(() => import("./run-page"), "RunPage"),
})

const accuracy = createRoute({
  getParentRoute: () => project,
  path: "/accuracy",
  loader: lazyFn(loaders, "costCurve"),
  component: lazyRouteComponent(() => import("./accuracy-page"), "AccuracyPage"),
})

/** Labels and the events that their times come from. */
const times = createRoute({
  getParentRoute: () => project,
  path: "/times",
  validateSearch: (search: Record<string, unknown>) => search as TimesSearch,
  component: lazyRouteComponent(() => import("./accuracy-page"), "TimesPage"),
})

const settings = createRoute({
  getParentRoute: () => project,
  path: "/settings",
  loader: lazyFn(loaders, "settings"),
  component: lazyRouteComponent(() => import("./settings-page"), "SettingsPage"),
})

export const routeTree = root.addChildren([
  signIn,
  label,
  sweep,
  signedIn.addChildren([
    shell.addChildren([
      home,
      projects,
      newProject,
      guide,
      account,
      users,
      audit,
      datasets,
      project.addChildren([
        overview,
        images,
        importImages,
        image,
        answer,
        quality,
        review,
        flags,
        rules,
        team,
        runs,
        run,
        accuracy,
        times,
        settings,
      ]),
    ]),
  ]),
])
