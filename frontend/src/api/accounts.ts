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

export const changeUser = (id: number, body: UserChange) =>
  unwrap(client.PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: id } }, body }))

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
