import { lazily } from "@/components/lazily"

export const SignInDialog = lazily(async () => (await import("./sign-in-dialog")).SignInDialog)
