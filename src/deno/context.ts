/**
 * What Deno keeps for the HTTP of a connection, so that a WebSocket may outlive it.
 *
 * When the HTTP of a connection is over, which an upgrade makes it, Deno closes the connection by
 * force, and the WebSocket with it; unless it believes that the closing is under way already, which
 * its context for the connection says in a field. Closing the connection's resource instead, in the
 * moment when the socket opens, is a race: under load every tenth socket lost it.
 *
 * Deno shows its contexts to nobody, but looks for a property on them that they do not have
 * (`asyncContext`), before it calls the handler of an upgrade. A getter on their prototype therefore
 * sees each one; the prototype is known from the first context, which a trap on Object.prototype
 * catches while {@linkcode learnContexts} makes a request for it.
 */

/** What Deno keeps of a connection. */
export interface Context {
  serverRid: number;
  /** The promise of op_http_close. */
  closing: Promise<void> | undefined;
}

const PROPERTY = "asyncContext";

let current: Context | null = null;
let known = false;

function isContext(value: unknown): value is Context {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "serverRid") &&
    Object.hasOwn(value, "closing");
}

/** Catches a context while `request` makes a request that asks for an upgrade. */
export async function learnContexts(request: () => Promise<void>): Promise<boolean> {
  if (known) return true;
  let caught: Context | null = null;
  Object.defineProperty(Object.prototype, PROPERTY, {
    configurable: true,
    get(this: unknown) {
      if (isContext(this)) caught = this;
      return undefined;
    },
    // Whoever sets it on an object of their own does so.
    set(this: object, value: unknown) {
      const own = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, PROPERTY, own);
    },
  });
  try {
    await request();
  } finally {
    delete (Object.prototype as Record<string, unknown>)[PROPERTY];
  }
  if (caught === null) return false;
  Object.defineProperty(Object.getPrototypeOf(caught), PROPERTY, {
    configurable: true,
    get(this: Context) {
      current = this;
      return undefined;
    },
  });
  return known = true;
}

/**
 * The context of the request that is being handled, if that asks for an upgrade. To be taken by the
 * handler itself, before it awaits anything.
 */
export function takeContext(): Context | null {
  const taken = current;
  current = null;
  return taken;
}

/** Lets the connection live when its HTTP is over. To be called before the upgrade is answered. */
export function outlive(context: Context): void {
  context.closing ??= Promise.resolve();
}
