/** `agentcol hook`: stores the one event on standard input. Never throws, prints nothing. */
export function hook(_words: readonly string[]): void {
  // Written next.
}
