// index.ts: what the package exports, and nothing else.

export * from './errors.ts'
