/** Whether an address is a path of this site: only such a one is followed after signing in. */
export const isOwnPath = (address: string): boolean => /^\/(?![/\\])[^\s\\]*$/.test(address)
