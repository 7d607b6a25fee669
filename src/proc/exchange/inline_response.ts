/** What an inline app has returned, and how it can be sent. */

import { readResponse } from "../../app/response.ts";
import { fastLength, isFast, type ResponseParts } from "../../deno/response_parts.ts";
import type { Session } from "../session/session.ts";
import { mayBeHeld } from "./whole_response.ts";

export function isPromise(value: Response | Promise<Response>): value is Promise<Response> {
  return typeof (value as Promise<Response> | null)?.then === "function";
}

/** Whether Deno sends it in the cheapest way if it is returned as it is, and that is to be. */
export function isFastResponse(returned: Response, session: Session): boolean {
  return returned instanceof Response && isFast(returned) &&
    !(session.http2 && mayBeHeld(session, fastLength(returned)));
}

/** What the app's response is made of, and what the connection needs. Throws TypeError. */
export function partsOf(returned: Response, session: Session, closes: boolean): ResponseParts {
  const parts = readResponse(returned);
  return session.endsWith(parts.status) || closes
    ? { ...parts, fields: [...parts.fields, ["connection", "close"]] }
    : parts;
}
