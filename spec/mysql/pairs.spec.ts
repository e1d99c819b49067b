// pairs.spec.ts: pairs of calls over MySQL.
// A process of its own: it is long.

import { randomUUID } from 'node:crypto'
import { LANES, pairs } from '../pairs/pairs.ts'
import { sharedUrl, withServer } from './server.ts'

// The rebuilding of a table takes as long as hundreds of calls.
const without = ['flush']

await withServer(async () => {
  const urls = await Promise.all(Array.from({ length: LANES }, () => sharedUrl(`pairs ${randomUUID()}`)))
  pairs({ name: 'MySQL', location: (lane) => urls[lane] ?? '', isIndexed: true, few: 15, without })
})
