// A process of its own: it is long.

import { randomUUID } from 'node:crypto'
import { addressOf } from '../../lib/mysql/address.ts'
import { MysqlStore } from '../../lib/mysql/mysql-store.ts'
import { conformance, queueSuite } from '../conformance.ts'
import { sharedUrl, withServer } from './server.ts'

const remove = async (): Promise<void> => {}

const freshUrl = (): Promise<string> => sharedUrl(`conformance '${randomUUID()}'`)

await withServer(() => {
  conformance('mysql', async () => {
    const address = addressOf(await freshUrl())
    return { open: (options) => MysqlStore.open(address, options), remove }
  })

  queueSuite('mysql', async () => ({ location: await freshUrl(), remove }))
})
