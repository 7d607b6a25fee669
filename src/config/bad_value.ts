/**
 * A value that a setting refuses. The message continues a sentence that begins with the value, such
 * as `is not a whole number`; whoever catches it knows the place and the key.
 */
export class BadValue extends Error {
  override readonly name = "BadValue";
}
