// text-of.ts: what a thrown value says. Anything can be thrown: what has no text, or throws when it is asked for one, must
// not fail whoever only wants to tell of it.

export function textOf(thrown: unknown): string {
  try {
    const message = isObject(thrown) && 'message' in thrown ? thrown.message : undefined
    return typeof message === 'string' ? message : String(thrown)
  } catch {
    return 'something that has no text was thrown'
  }
}

/** Its code, or '': not by its class, because under a test runner's vm context Node's errors have another one. */
export function codeOf(thrown: unknown): string {
  try {
    const code = isObject(thrown) && 'code' in thrown ? thrown.code : ''
    return typeof code === 'string' ? code : ''
  } catch {
    return ''
  }
}

/** Its stack, or '' where it has none. */
export function stackOf(thrown: unknown): string {
  try {
    const stack = isObject(thrown) && 'stack' in thrown ? thrown.stack : ''
    return typeof stack === 'string' ? stack : ''
  } catch {
    return ''
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
