// A process of its own: it starts others, and kills some.

import { describe } from 'node:test'
import { newPlace } from '../process/parts.ts'
import { sharedQueue } from '../process/shared-queue.ts'

describe('the queue in an SQLite database', () => sharedQueue((t) => `sqlite:${newPlace(t)}.db?queue=shared`))
