/**
 * A value that a setting refuses. The message continues a sentence that begins with the value, such
 * as `is not a whole number`; whoever catches it knows the place and the key.
 */
export class BadValue extends Error {
  override readonly name = "BadValue";
  /** What of the value it is about, where that is not all of it. */
  readonly part: string | null;

  constructor(message: string, part: string | null = null) {
    super(message);
    this.part = part;
  }
}
