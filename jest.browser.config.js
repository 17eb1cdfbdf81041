import { shared } from './jest.config.js';

export default { ...shared, testMatch: ['<rootDir>/test/browser/**/*.test.ts'], testTimeout: 60_000, maxWorkers: 3 };
