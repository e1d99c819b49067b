// pairs.spec.ts: pairs of calls over MySQL.
// A process of its own: it is long.

import { randomUUID } from 'node:crypto'
import { pairs } from '../pairs/pairs.ts'
import { sharedUrl, withServer } from './server.ts'

// The rebuilding of a table takes as long as hundreds of calls.
const without = ['flush']

await withServer(async () => {
  const location = await sharedUrl(`pairs ${randomUUID()}`)
  pairs({ name: 'MySQL', location, isIndexed: true, few: 15, without })
})
