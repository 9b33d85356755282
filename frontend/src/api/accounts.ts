import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type User = Schemas["UserOut"]
export type UserIn = Schemas["UserIn"]
export type UserChange = Schemas["UserChange"]
export type Token = Schemas["TokenOut"]
export type TokenIn = Schemas["TokenIn"]
export type TokenCreated = Schemas["TokenCreated"]
export type SignedIn = Schemas["SessionOut"]
export type Scope = Token["scopes"][number]

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: () => unwrap(client.GET("/api/v1/users")),
})

export const addUser = (body: UserIn) => unwrap(client.POST("/api/v1/users", { body }))

export const changeUser = (id: number, change: Partial<UserChange>) =>
  unwrap(
    client.PATCH("/api/v1/users/{user_id}", {
      params: { path: { user_id: id } },
      body: { must_change: true, ...change },
    }),
  )

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => unwrap(client.GET("/api/v1/tokens")),
})

export const createToken = (body: TokenIn) => unwrap(client.POST("/api/v1/tokens", { body }))

export const revokeToken = (id: number) =>
  unwrap(client.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: id } } }))

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: () => unwrap(client.GET("/api/v1/me/sessions")),
})

export const endSession = (id: number) =>
  unwrap(
    client.DELETE("/api/v1/me/sessions/{session_id}", { params: { path: { session_id: id } } }),
  )

/** The ways in that somebody has: browsers and programs. */
export const accessQuery = (userId: number) =>
  queryOptions({
    queryKey: ["users", userId, "access"],
    queryFn: async () => {
      const params = { path: { user_id: userId } }
      const [sessions, tokens] = await Promise.all([
        unwrap(client.GET("/api/v1/users/{user_id}/sessions", { params })),
        unwrap(client.GET("/api/v1/users/{user_id}/tokens", { params })),
      ])
      return { sessions, tokens }
    },
  })

export const endUserSession = (userId: number, id: number) =>
  unwrap(
    client.DELETE("/api/v1/users/{user_id}/sessions/{session_id}", {
      params: { path: { user_id: userId, session_id: id } },
    }),
  )

export const revokeUserToken = (userId: number, id: number) =>
  unwrap(
    client.DELETE("/api/v1/users/{user_id}/tokens/{token_id}", {
      params: { path: { user_id: userId, token_id: id } },
    }),
  )

export const endAccess = (userId: number) =>
  unwrap(client.DELETE("/api/v1/users/{user_id}/access", { params: { path: { user_id: userId } } }))

export type PasswordLink = Schemas["PasswordLinkOut"]

/** A link by which somebody sets their password, once; earlier ones end. */
export const makePasswordLink = (userId: number) =>
  unwrap(
    client.POST("/api/v1/users/{user_id}/password-link", {
      params: { path: { user_id: userId } },
    }),
  )

export const removeSecondFactor = (userId: number) =>
  unwrap(
    client.DELETE("/api/v1/users/{user_id}/second-factor", {
      params: { path: { user_id: userId } },
    }),
  )

export type SecondFactorOffer = Schemas["SecondFactorOffer"]

/** A new secret for an authenticator app; it counts once it is confirmed. */
export const offerSecondFactor = () => unwrap(client.POST("/api/v1/me/second-factor"))

export const confirmSecondFactor = (body: Schemas["SecondFactor"]) =>
  unwrap(client.PUT("/api/v1/me/second-factor", { body }))

export const recoveryCodesQuery = queryOptions({
  queryKey: ["recovery-codes"],
  queryFn: () => unwrap(client.GET("/api/v1/me/recovery-codes")),
})

/** New ones in place of those that are there; they are told this once. */
export const drawRecoveryCodes = (body: Schemas["OwnPassword"]) =>
  unwrap(client.POST("/api/v1/me/recovery-codes", { body }))

/** Whose password a link sets. */
export const linkOwnerQuery = (secret: string) =>
  queryOptions({
    queryKey: ["password-link", secret],
    queryFn: () => unwrap(client.POST("/api/v1/password-link/owner", { body: { secret } })),
    retry: false,
  })

export const setPasswordByLink = (body: Schemas["PasswordLinkUse"]) =>
  unwrap(client.POST("/api/v1/password-link", { body }))

/** Ends all of one's sessions but this browser's, which gets a new one, and all of one's tokens. */
export const changePassword = (body: Schemas["PasswordChange"]) =>
  unwrap(client.POST("/api/v1/me/password", { body }))
