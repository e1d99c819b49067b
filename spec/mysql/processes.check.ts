import { randomUUID } from 'node:crypto'
import { describe } from 'node:test'
import { sharedQueue } from '../process/shared-queue.ts'
import { sharedPort, urlOf, withServer } from './server.ts'

await withServer(async () => {
  const port = await sharedPort()
  describe('the queue in a MySQL database', () => sharedQueue(() => urlOf(port, randomUUID())))
})
