import { expect, test } from "vitest"
import { messageOf, toProblem } from "./client"

test("a problem document keeps its detail, code and field errors", () => {
  const problem = toProblem(
    {
      title: "Unprocessable",
      detail: "1 field is wrong",
      code: "invalid",
      errors: [{ field: "name", message: "is empty" }],
    },
    422,
  )
  expect(problem.message).toBe("1 field is wrong")
  expect(problem.status).toBe(422)
  expect(problem.code).toBe("invalid")
  expect(problem.errors).toEqual([{ field: "name", message: "is empty" }])
})

test.each([null, "<html>Bad Gateway</html>", {}])("a body that is no problem (%j)", (body) => {
  expect(toProblem(body, 502).message).toBe("The server answered with status 502.")
})

test("any error is shown as a sentence", () => {
  expect(messageOf(new Error("the password is wrong"))).toBe("The password is wrong.")
  expect(messageOf(new Error("Unknown override; did you mean 'steps'?"))).toBe(
    "Unknown override; did you mean 'steps'?",
  )
  expect(messageOf("lost")).toBe("Lost.")
})
