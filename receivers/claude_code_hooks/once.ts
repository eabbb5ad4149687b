/** Makes it when it is first asked for: a hook writes one event, and preparing statements that it does not need takes time. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
