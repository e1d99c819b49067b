// several.ts: the process that runs spec files, each as a suite: node several.js <path of a file> …
// run.ts starts it; a file can be run by itself too, by node alone.

import { AsyncResource } from 'node:async_hooks'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

// One after the other: the tests of a file that waits for a module would be taken for those of the file that had that
// module loaded. What a file loads belongs to its suite by the asynchronous context, which an import by itself loses.
let loaded: Promise<unknown> = Promise.resolve()

for (const path of process.argv.slice(2)) {
  const { href } = pathToFileURL(path)
  describe(path, async () => {
    const load = AsyncResource.bind(() => import(href))
    loaded = loaded.then(load, load)
    await loaded
  })
}
