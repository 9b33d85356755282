import { lazily } from "@/components/lazily"

export const RulesWatch = lazily(async () => (await import("./rules-watch")).RulesWatch)
