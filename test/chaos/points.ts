// The named points of the refresh protocol.

/** Where a process may be told to die or to stop, in the order in which they come. */
export const points = [
  'before_lease',
  'after_lease',
  'before_token_call',
  'sending',
  'during_token_call',
  'after_answer',
  'before_commit',
  'during_commit',
  'after_commit',
] as const;
export type Point = (typeof points)[number];
