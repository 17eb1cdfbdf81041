import { shared } from './jest.config.js';

if (!process.env.TEST_DATABASE_URL) {
  throw new Error('TEST_DATABASE_URL must name an empty PostgreSQL database: postgres://user:password@host:5432/name');
}

/** What the app does with its database, on PostgreSQL; what is about SQLite's file is left out. */
export default {
  ...shared,
  testMatch: [
    '<rootDir>/test/adapters/*.contract.test.ts',
    '<rootDir>/test/adapters/{counts,deployment,imported-grant-store,resealing,sealed-rows,session-store}.test.ts',
    '<rootDir>/test/journeys/**/*.test.ts',
    '<rootDir>/test/postgres/**/*.test.ts',
  ],
  testPathIgnorePatterns: ['test/journeys/backup.test.ts', 'test/journeys/foreign-volume.test.ts'],
  testTimeout: 60_000,
  // These wait for processes more than they work.
  maxWorkers: 4,
};
