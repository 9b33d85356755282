import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type User = Schemas["UserOut"]
export type UserIn = Schemas["UserIn"]
export type UserChange = Schemas["UserChange"]
export type Token = Schemas["TokenOut"]
export type TokenIn = Schemas["TokenIn"]
export type TokenCreated = Schemas["TokenCreated"]
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
