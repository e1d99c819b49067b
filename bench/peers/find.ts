// find.ts: the packages that are compared with. They belong to bench/package.json, so that installing this project
// stays short; `npm run bench` installs them.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../../bench/package.json', import.meta.url))

/** What CommonJS gives for that name; throws where the package is not installed. */
export const load = require

/** Where the module of that name is, for `import`. */
export const moduleOf = (name: string): string => pathToFileURL(require.resolve(name)).href

export function installed(name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}
