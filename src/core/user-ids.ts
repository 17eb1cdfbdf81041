// What may be the id of one of the integrator's users.

const longestUserId = 255;

/** Any text of 1 to 255 characters (code points) that is well-formed Unicode, without NUL. */
export function isUserId(text: string): boolean {
  return text !== '' && [...text].length <= longestUserId && !text.includes('\0') && text.isWellFormed();
}
