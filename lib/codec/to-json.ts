// to-json.ts: objects that say themselves what is to be stored of them.

export function hasToJSON(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

/** Its own properties, but for functions, which JSON leaves out. */
export function withoutFunctions(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, property]) => typeof property !== 'function'))
}
