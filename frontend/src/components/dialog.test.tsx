import { cleanup, fireEvent, render, screen } from "@testing-library/react"
import { afterEach, expect, test, vi } from "vitest"
import { ConfirmDialog, Dialog } from "./dialog"
import { TextField } from "./field"

afterEach(cleanup)

test("a dialog is named by its title and puts the focus in its first field", () => {
  render(
    <Dialog title="New token" isOpen onClose={vi.fn()}>
      <TextField label="Name" value="" onChange={vi.fn()} />
    </Dialog>,
  )
  expect(screen.getByRole("dialog", { name: "New token" })).toBeTruthy()
  expect(document.activeElement).toBe(screen.getByLabelText("Name"))
})

test("a field that asks for the focus gets it", () => {
  render(
    <Dialog title="Sign in again" isOpen onClose={vi.fn()}>
      <TextField label="Email" value="mara@example.org" isReadOnly />
      <TextField label="Password" value="" onChange={vi.fn()} autoFocus />
    </Dialog>,
  )
  expect(document.activeElement).toBe(screen.getByLabelText("Password"))
})

test("Escape and a press beside the dialog close it, a press inside does not", () => {
  const onClose = vi.fn()
  render(
    <Dialog title="Keys" isOpen onClose={onClose}>
      <p>Inside</p>
    </Dialog>,
  )
  fireEvent.click(screen.getByText("Inside"))
  expect(onClose).not.toHaveBeenCalled()
  fireEvent.click(screen.getByRole("dialog"))
  fireEvent(screen.getByRole("dialog"), new Event("cancel", { cancelable: true }))
  expect(onClose).toHaveBeenCalledTimes(2)
})

test("what cannot be undone is asked about, with the way back focused", () => {
  const onConfirm = vi.fn()
  render(
    <ConfirmDialog
      title="Revoke ci?"
      isOpen
      onClose={vi.fn()}
      action="Revoke token"
      onConfirm={onConfirm}
      isPending={false}
      error={new Error("it is gone already")}
    >
      This cannot be undone.
    </ConfirmDialog>,
  )
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Keep it" }))
  expect(screen.getByRole("alert").textContent).toBe("It is gone already.")
  fireEvent.click(screen.getByRole("button", { name: "Revoke token" }))
  expect(onConfirm).toHaveBeenCalledOnce()
})
