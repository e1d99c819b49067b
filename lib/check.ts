// check.ts: what callers pass in, checked at once. A wrong type or an unknown name is a TypeError, a number outside
// its range a RangeError; the message says what was expected and what came. An option that is undefined is not given.

/** Some hundred years. */
export const MAX_DELAY_MS = 2 ** 43

export type Check = (name: string, value: unknown) => void

/** Every option that is given must be known, and as its check says. */
export function checkOptions(options: object | undefined, checks: Readonly<Record<string, Check>>): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options)
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined)
      throw new TypeError(`unknown option '${name}': known are ${Object.keys(checks).join(', ')}`)
    if (value !== undefined) check(name, value)
  }
}

/** A number of items: 0, 1, 2 … */
export const count: Check = (name, value) => {
  if (!Number.isSafeInteger(number(name, value)) || number(name, value) < 0) {
    throw outOfRange(name, 'a whole number ≥ 0', value)
  }
}

/** A number of items or bytes, or Infinity for no limit. */
export const limit: Check = (name, value) => {
  if (value !== Infinity) count(name, value)
}

/** As `limit`, but at least one. */
export const positiveLimit: Check = (name, value) => {
  limit(name, value)
  if (value === 0) throw outOfRange(name, 'at least 1', value)
}

/** A number of items, at least one. */
export const positiveCount: Check = (name, value) => {
  count(name, value)
  if (value === 0) throw outOfRange(name, 'at least 1', value)
}

/** Milliseconds; Infinity is for ever. */
export const milliseconds: Check = (name, value) => {
  if (!(number(name, value) >= 0)) throw outOfRange(name, 'a number of milliseconds ≥ 0', value)
}

/** As `milliseconds`, but more than none. */
export const positiveMilliseconds: Check = (name, value) => {
  milliseconds(name, value)
  if (value === 0) throw outOfRange(name, 'more than 0 milliseconds', value)
}

/** A delay that ends: due times are whole numbers. */
export const finiteMilliseconds: Check = (name, value) => {
  milliseconds(name, value)
  if (number(name, value) > MAX_DELAY_MS) throw outOfRange(name, `at most ${MAX_DELAY_MS} milliseconds`, value)
}

/** By how much something grows. */
export const factor: Check = (name, value) => {
  if (!(number(name, value) >= 1 && number(name, value) < Infinity)) throw outOfRange(name, 'a number ≥ 1', value)
}

export const finiteNumber: Check = (name, value) => {
  if (!Number.isFinite(number(name, value))) throw outOfRange(name, 'a finite number', value)
}

export const flag: Check = (name, value) => {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value)
}

export const signal: Check = (name, value) => {
  if (!(value instanceof AbortSignal)) throw wrongType(name, 'an AbortSignal', value)
}

export function oneOf(...choices: readonly string[]): Check {
  return (name, value) => {
    if (typeof value === 'string' && choices.includes(value)) return
    throw wrongType(name, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value)
  }
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${told(value)}`)
}

export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${name}: expected ${expected}, got ${told(value)}`)
}

function number(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  return value
}

function told(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
