// msgpack-errors.ts: an Error taken apart, and put together again as the same kind of the language's own classes, with
// all properties of its own. Of those that aren't enumerated, the five below; a class of the user's becomes a name.

import { hasToJSON, withoutFunctions } from './to-json.ts'

// What inherits comes before what it inherits from.
const KINDS = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  Error,
} as const

type Kind = keyof typeof KINDS
type Property = readonly [key: string, value: unknown]

const HIDDEN = ['name', 'message', 'stack', 'cause', 'errors']

export interface ErrorParts {
  readonly kind: string
  readonly hidden: readonly Property[]
  readonly shown: readonly Property[]
}

/** A TypeError where one of its properties is a function; with a toJSON its other properties are what that returns. */
export function partsOf(error: Error): ErrorParts {
  const kind = kindOf(error)
  const shown = hasToJSON(error) ? answered(error.toJSON()) : Object.entries(error)
  for (const [key, value] of shown) {
    if (typeof value === 'function') throw new TypeError(`its property '${key}' is a function, which can't be stored`)
  }
  const seen = new Set(shown.map(([key]) => key))
  return { kind, hidden: hiddenOf(error, kind).filter(([key]) => !seen.has(key)), shown }
}

function answered(answer: unknown): Property[] {
  if (typeof answer !== 'object' || answer === null) return []
  return Object.entries(withoutFunctions(answer)).filter(([key]) => !HIDDEN.includes(key))
}

/** Also of another realm, whose classes are not ours. */
function kindOf(error: Error): Kind {
  const names = Object.keys(KINDS).filter(isKind)
  const found = names.find((name) => error instanceof KINDS[name])
  return found ?? names.find((name) => name === error.name) ?? 'Error'
}

function isKind(name: unknown): name is Kind {
  return typeof name === 'string' && Object.hasOwn(KINDS, name)
}

/** Those that it has of its own, or that its class gives it and the language's doesn't. */
function hiddenOf(error: Error, kind: Kind): Property[] {
  const values = HIDDEN.filter((key) => key in error).map((key): Property => [key, Reflect.get(error, key)])
  return values.filter(([key, value]) => {
    if (typeof value === 'function') return false
    return Object.hasOwn(error, key) || value !== Reflect.get(KINDS[kind].prototype, key)
  })
}

export function errorOf({ kind, hidden, shown }: ErrorParts): Error {
  const Class = isKind(kind) ? KINDS[kind] : Error
  const error: Error = Reflect.construct(Class, Class === AggregateError ? [[]] : [])
  for (const key of HIDDEN) Reflect.deleteProperty(error, key)
  for (const [key, value] of hidden) define(error, key, { value, enumerable: false })
  for (const [key, value] of shown) define(error, key, { value, enumerable: true })
  return error
}

function define(error: Error, key: string, property: PropertyDescriptor): void {
  Object.defineProperty(error, key, { ...property, writable: true, configurable: true })
}
